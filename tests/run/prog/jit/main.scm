;; SPDX-License-Identifier: BSD-2-Clause
;; guile: code from its just-in-time compiler, closures, continuations, threads.
(use-modules (ice-9 threads) (ice-9 format))

(define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))

(define (sum n)
  (let loop ((i 0) (s 0))
    (if (= i n) s (loop (+ i 1) (modulo (+ s (* i 7)) 1000003)))))

(define makers (map (lambda (k) (lambda (x) (+ (* x k) 1))) (iota 50)))

(display (list (fib 24) (sum 300000) (apply + (map (lambda (f) (f 3)) makers))))
(newline)
(display (par-map (lambda (n) (+ (fib n) (sum (* n 1000)))) '(15 16 17 18)))
(newline)
(display (call/cc (lambda (k) (for-each (lambda (x) (if (> x 10) (k x))) (iota 100)) 0)))
(newline)
(display (catch #t (lambda () (vector-ref (vector 1 2) 5)) (lambda (key . rest) key)))
(newline)
(exit 3)
