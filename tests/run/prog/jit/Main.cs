// SPDX-License-Identifier: BSD-2-Clause
// mono: compiled methods, generics, delegates, threads, and the faults that become exceptions.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;

class Node { public Node next; public int value; }

static class Program
{
	static int Deep(Node n) { return n.next.value; }

	static int Nulls()
	{
		int caught = 0;
		for (int i = 0; i < 500; i++) {
			try { Deep(i % 2 == 0 ? null : new Node()); }
			catch (NullReferenceException) { caught++; }
		}
		return caught;
	}

	static int Divide()
	{
		int caught = 0, zero = 0;
		for (int i = 0; i < 200; i++) {
			try { caught += i / zero; }
			catch (DivideByZeroException) { caught++; }
		}
		return caught;
	}

	static int Fib(int n) { return n < 2 ? n : Fib(n - 1) + Fib(n - 2); }

	static int Main()
	{
		var makers = Enumerable.Range(1, 100).Select(k => (Func<int, int>)(x => x * k + 1)).ToList();
		long sum = 0;
		for (int i = 0; i < 300000; i++) sum = (sum + makers[i % 100](i)) % 1000003;
		Console.WriteLine("{0} {1} {2} {3}", sum, Fib(24), Nulls(), Divide());
		var told = new int[4];
		var threads = Enumerable.Range(0, 4)
			.Select(t => new Thread(() => told[t] = Fib(18 + t) + Nulls())).ToList();
		threads.ForEach(t => t.Start());
		threads.ForEach(t => t.Join());
		Console.WriteLine(string.Join(" ", told));
		var words = new Dictionary<string, List<double>>();
		for (int i = 0; i < 20000; i++) {
			var key = "k" + i % 97;
			if (!words.ContainsKey(key)) words[key] = new List<double>();
			words[key].Add(i * 0.5);
		}
		Console.WriteLine(words.Sum(w => w.Value.Max()));
		return 5;
	}
}
