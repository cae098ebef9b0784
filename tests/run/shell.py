#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""Shells, small tools, archives, text languages, busybox: all as natively."""

from cm import Tap, sh, write

PRELOAD = ("default", "strict", "preload")


def words(folder):
    write(folder, "words", "".join("%d %s\n" % (n * 7919 % 1000, "abc"[n % 3]) for n in range(2000)))
    for n in range(20):
        write(folder, "tree/%d/file%d" % (n % 4, n), "line %d\n" % n * n)


with Tap() as t:
    t.compare("bash pipeline", sh(
        "sort -n words | uniq -c | awk '{s += $1 * $2} END {print s}'; "
        "seq 1 20000 | paste -sd+ | bc 2>/dev/null || seq 1 20000 | awk '{s+=$1} END {print s}'; "
        "yes | head -n 3; cat <(echo a) <(echo b) | tr a-z A-Z; echo err >&2; "
        "for i in 1 2 3; do (exit $i) || echo $?; done"), modes=PRELOAD, setup=words)
    t.compare("bash job control", sh(
        "sleep 0.1 & sleep 0.2 & wait; (sleep 5; echo never) & kill $!; wait $! || echo $?; "
        "trap 'echo usr1' USR1; kill -USR1 $$; coproc cat; echo hi >&${COPROC[1]}; "
        "read -r x <&${COPROC[0]}; echo $x"), setup=words)
    t.compare("coreutils", sh(
        "cut -d' ' -f1 words | sort -u | wc; md5sum words; sha256sum words; od -An -tx1 words "
        "| head -n 2; split -l 500 words part; ls; comm -12 <(sort partaa) <(sort partab) | head; "
        "cp -r tree copy; diff -r tree copy; du --apparent-size -s -b tree/0; "
        "stat -c %a-%s words; df . >/dev/null; tac words | tail -n 1; shuf --random-source=words "
        "-n 3 words; factor 1234567890; numfmt --to=iec 123456; env -i /usr/bin/true; "
        "timeout 0.1 sleep 5 || echo $?; nice true; nohup true; seq 3 | xargs -P2 -n1 echo | sort; "
        "mktemp -u XXXX >/dev/null; truncate -s 1M big; dd if=big of=/dev/null bs=64k status=none"),
              setup=words)
    t.compare("files move from folder to folder", ["/usr/bin/perl", "-e", """
        mkdir "a"; mkdir "b"; open my $f, ">", "a/f"; close $f;
        print rename("a/f", "b/f") ? "moved" : $!, link("b/f", "a/g") ? "linked" : $!;"""])
    t.compare("find, grep, sed", sh(
        "find tree -type f -size +50c | sort; grep -rc 'line 1' tree | sort; "
        "sed -n '1~500p' words; find tree -name 'file1*' -exec cat {} + | wc -l"), setup=words)
    t.compare("an error of the program's own", ["/bin/ls", "/nonexistent"], status=2, modes=PRELOAD)
    t.compare("tar and xz", sh(
        "tar -cf t.tar --sort=name --mtime=@0 tree; xz -T2 -k t.tar; xz -dc t.tar.xz | cmp - t.tar; "
        "md5sum t.tar; tar -cJf u.tar.xz --sort=name --mtime=@0 tree; mkdir x; tar -xJf u.tar.xz -C x; "
        "diff -r tree x/tree; gzip -kn t.tar; zcat t.tar.gz | md5sum; tar -tf t.tar | sort | head -n 4"),
              setup=words)
    t.compare("perl", ["/usr/bin/perl", "-MData::Dumper", "-MPOSIX", "-e",
                       "$Data::Dumper::Sortkeys=1; my %h; $h{$_ % 7} += $_ for 1..100000; "
                       "print Dumper(\\%h); my $p = open(my $f, '-|', 'echo child'); print <$f>; "
                       "if (my $k = fork) { waitpid $k, 0; print $? >> 8, \"\\n\" } else { exit 3 }"
                       "print join(',', map { sprintf '%.3f', POSIX::floor($_) } 1.5, 2.5), \"\\n\";"
                       "$_ = 'x' x 100000; print length, \"\\n\" if /^(x+x+)+$/;"], modes=PRELOAD)
    t.compare("sqlite3", ["/usr/bin/sqlite3", "test.db",
                          "PRAGMA journal_mode=WAL; PRAGMA mmap_size=1048576; "
                          "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT); "
                          "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE "
                          "x<5000) INSERT INTO t SELECT x, hex(x*x) FROM c; CREATE INDEX i ON t(b); "
                          "SELECT count(*), sum(length(b)), max(b) FROM t; "
                          "SELECT * FROM t WHERE b LIKE '31%' ORDER BY b LIMIT 3; "
                          "PRAGMA integrity_check;"], modes=PRELOAD)
    t.compare("openssl", sh(
        "openssl dgst -sha256 words; openssl enc -aes-256-cbc -K $(printf '%064d' 1) -iv "
        "$(printf '%032d' 2) -in words | md5sum; openssl genrsa 1024 2>/dev/null | wc -l"), setup=words)
    t.compare("openssl speed", sh("openssl speed -seconds 1 -bytes 1024 sha256 >speed 2>&1; "
                                  "grep -c '^sha256' speed"))
    t.compare("busybox-static", ["/bin/busybox", "sh", "-c",
                                 "sort -n words | uniq | wc -l; busybox seq 1 100 | busybox awk "
                                 "'{s+=$1} END {print s}'; tar -c tree | tar -t | sort | head -n 3; "
                                 "md5sum words; exit 0"], modes=PRELOAD, setup=words)
