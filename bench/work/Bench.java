// SPDX-License-Identifier: BSD-2-Clause

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntUnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Three to four seconds of Java: methods that are interpreted, compiled, compiled again and thrown
 * away (more than one class fits each call), lambdas and streams, strings, a heap that is collected
 * many times, exceptions, threads that share work and a lock. Ends with 1 unless what it computes
 * is right.
 */
public class Bench {
    interface Shape {
        int area(int scale);
    }

    record Square(int side) implements Shape {
        public int area(int scale) { return side * side * scale; }
    }

    record Strip(int width, int height) implements Shape {
        public int area(int scale) { return width * height + scale; }
    }

    record Point() implements Shape {
        public int area(int scale) { return 0; }
    }

    static final class Tree {
        final Tree left, right;

        Tree(int depth) {
            left = depth == 0 ? null : new Tree(depth - 1);
            right = depth == 0 ? null : new Tree(depth - 1);
        }

        int size() { return left == null ? 1 : 1 + left.size() + right.size(); }
    }

    static long shapes(int rounds) {
        List<Shape> all = new ArrayList<>();
        for (int i = 0; i < 3000; i++)
            all.add(i % 3 == 0 ? new Square(i % 50) : i % 3 == 1 ? new Strip(i % 40, 3)
                    : new Point());
        long sum = 0;
        for (int round = 0; round < rounds; round++)
            for (Shape one : all.subList(0, round < rounds / 2 ? 1 + round % 2 : all.size()))
                sum += one.area(round % 5);
        return sum;
    }

    static long lambdas(int rounds) {
        long sum = 0;
        for (int round = 0; round < rounds; round++) {
            final int constant = round;
            IntUnaryOperator f = x -> x * 31 + constant;
            for (int i = 0; i < 5; i++)
                f = f.andThen(i % 2 == 0 ? x -> x ^ constant : x -> x + 7);
            sum += IntStream.range(0, 2000).map(f).filter(x -> (x & 3) != 0).asLongStream().sum();
            Map<Integer, Long> groups = IntStream.range(0, 500).boxed()
                    .collect(Collectors.groupingBy(x -> (x + constant) % 7, Collectors.counting()));
            sum += groups.get(round % 7);
        }
        return sum;
    }

    static long trees(int rounds) {
        List<Tree> kept = new ArrayList<>();
        long sum = 0;
        for (int round = 0; round < rounds; round++) {
            Tree tree = new Tree(12);
            sum += tree.size();
            if (round % 16 == 0)
                kept.add(tree);
            if (kept.size() > 40)
                kept.clear();
        }
        return sum + kept.size();
    }

    static long strings(int rounds) {
        Pattern words = Pattern.compile("(\\w+)=(\\d+);");
        Map<String, Integer> found = new HashMap<>();
        long sum = 0;
        for (int round = 0; round < rounds; round++) {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < 50; i++)
                text.append("key").append((i * round) % 97).append('=').append(i).append(';');
            var matcher = words.matcher(text);
            while (matcher.find())
                found.merge(matcher.group(1), Integer.parseInt(matcher.group(2)), Integer::sum);
            try {
                Integer.parseInt(text.substring(0, 4));
            } catch (NumberFormatException e) {
                sum += e.getMessage().length();
            }
        }
        for (int value : found.values())
            sum += value;
        return sum;
    }

    static long sort(int rounds) {
        long sum = 0;
        for (int round = 0; round < rounds; round++) {
            Integer[] some = new Integer[5000];
            for (int i = 0, x = round; i < some.length; i++, x = (x * 1103 + 12345) % 65521)
                some[i] = x;
            Arrays.sort(some, (a, b) -> b - a);
            sum += some[round % some.length];
        }
        return sum;
    }

    static int shared;

    static synchronized void count() { shared++; }

    static long one(int part) {
        for (int i = 0; i < 10000 * part; i++)
            count();
        return shapes(1500 * part) + lambdas(1200 * part) + trees(600 * part) + strings(1800 * part)
                + sort(60 * part);
    }

    public static void main(String[] arguments) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(4);
        List<Future<Long>> parts = new ArrayList<>();
        long sum = one(6);
        for (int i = 0; i < 30; i++)
            parts.add(threads.submit(() -> one(1)));
        for (Future<Long> part : parts)
            sum = sum * 31 + part.get();
        threads.shutdown();
        if (sum != -9013591722169293811L || shared != 360000) {
            System.out.println("found " + sum + " and " + shared);
            System.exit(1);
        }
    }
}
