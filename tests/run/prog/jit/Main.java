// SPDX-License-Identifier: BSD-2-Clause
// java: compiled loops, threads, lambdas, a small heap, and the faults that HotSpot makes exceptions.

import java.util.*;
import java.util.concurrent.*;
import java.util.function.*;
import java.util.stream.*;

public class Main {
    static class Node {
        Node next;
        int value;
    }

    static long numbers() {
        long sum = 0;
        for (int round = 0; round < 200; round++)
            for (int i = 0; i < 20000; i++) sum += (i * 31 + round) % 7;
        return sum;
    }

    // Compiled without a test: the access itself faults.
    static int length(Node n) {
        return n.next.value;
    }

    static int nulls() {
        Node full = new Node();
        int caught = 0;
        full.next = full;
        for (int i = 0; i < 200000; i++) length(full);
        for (int i = 0; i < 3000; i++) {
            try {
                length(i % 3 == 0 ? new Node() : i % 3 == 1 ? null : full);
            } catch (NullPointerException e) {
                caught++;
            }
        }
        return caught;
    }

    static void fall(int[] deep) {
        deep[0]++;
        fall(deep);
    }

    static int overflows() {
        int caught = 0;
        for (int i = 0; i < 20; i++) {
            int[] deep = {0};
            try {
                fall(deep);
            } catch (StackOverflowError e) {
                caught += deep[0] > 100 ? 1 : 0;
            }
        }
        return caught;
    }

    static int arithmetic() {
        int caught = 0;
        for (int i = 0; i < 20000; i++) {
            try {
                caught += 10 / (i % 4);
            } catch (ArithmeticException e) {
                caught++;
            }
        }
        return caught;
    }

    static int lambdas() {
        List<IntUnaryOperator> made = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            final int k = i;
            made.add(x -> x * k + 1);
            made.add(x -> x ^ k);
        }
        int s = 0;
        for (int i = 0; i < 200000; i++) s += made.get(i % made.size()).applyAsInt(i);
        return s + IntStream.range(0, 100000).map(x -> x % 13).filter(x -> x > 4).sum();
    }

    static int garbage() {
        Map<Integer, byte[]> kept = new HashMap<>();
        int s = 0;
        for (int i = 0; i < 60000; i++) {
            kept.put(i % 300, new byte[1000 + i % 5000]);
            s += kept.get((i * 7) % Math.min(i + 1, 300)) == null ? 0 : 1;
        }
        return s;
    }

    static String threads() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(6);
        List<Future<String>> told = new ArrayList<>();
        for (int t = 0; t < 6; t++) {
            final int me = t;
            told.add(pool.submit(() -> me + ":" + numbers() + ":" + nulls() + ":" + overflows()));
        }
        StringBuilder all = new StringBuilder();
        for (Future<String> one : told) all.append(one.get()).append(' ');
        pool.shutdown();
        return all.toString();
    }

    public static void main(String[] args) throws Exception {
        System.out.println(numbers() + " " + nulls() + " " + overflows() + " " + arithmetic());
        System.out.println(lambdas() + " " + garbage());
        System.out.println(threads());
        try {
            Object o = "text";
            System.out.println((Integer) o);
        } catch (ClassCastException e) {
            System.err.println("caught");
        }
        System.exit(5);
    }
}
