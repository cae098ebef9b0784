<?php
// SPDX-License-Identifier: BSD-2-Clause
// php: opcache's tracing JIT, PCRE2's JIT, a callback of FFI's.
function sieve(int $n): int
{
	$composite = array_fill(0, $n + 1, false);
	$count = 0;
	for ($i = 2; $i <= $n; $i++) {
		if ($composite[$i])
			continue;
		$count++;
		for ($k = $i * 2; $k <= $n; $k += $i)
			$composite[$k] = true;
	}
	return $count;
}

function fib(int $n): int
{
	return $n < 2 ? $n : fib($n - 1) + fib($n - 2);
}

$sum = 0.0;
for ($i = 0; $i < 500000; $i++)
	$sum += sqrt($i) * ($i % 3);
printf("%d %d %.3f\n", sieve(200000), fib(24), $sum);

$found = 0;
for ($i = 0; $i < 2000; $i++)
	$found += preg_match('/^(\w+)-' . ($i % 200) . '(?:x|\d)*$/', 'name-' . $i . 'x');
echo $found, "\n";

$makers = array_map(fn($k) => fn($x) => $x * $k + 1, range(1, 50));
$all = 0;
for ($i = 0; $i < 100000; $i++)
	$all = ($all + $makers[$i % 50]($i)) % 1000003;
echo $all, "\n";

$libc = FFI::cdef('void qsort(void *, size_t, size_t, int (*)(const int *, const int *));',
	'libc.so.6');
$array = FFI::new('int[100]');
for ($i = 0; $i < 100; $i++)
	$array[$i] = ($i * 7919) % 1009;
$libc->qsort($array, 100, 4, fn($a, $b) => $a[0] - $b[0]);
echo $array[0], ' ', $array[99], "\n";

$status = opcache_get_status(false);
echo $status['jit']['on'] ? "jit\n" : "no jit\n";
usleep(50000);
exit(3);
