;;; SPDX-License-Identifier: BSD-2-Clause
;;; sbcl: functions compiled while it runs, called, collected and moved by the garbage collector.
(defun fib (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
(format t "~a~%" (fib 24))

(defvar *made* (loop for k below 100
                     collect (compile nil `(lambda (x) (+ (* x ,k) (mod x ,(1+ k)))))))
(defun total () (loop for i below 100000 sum (funcall (nth (mod i 100) *made*) i)))
(format t "~a~%" (total))
(loop repeat 3 do
  (setf *made* (append (rest *made*) (list (compile nil '(lambda (x) (* 2 x))))))
  (gc :full t))
(format t "~a~%" (total))

(defun heap (n) (loop for i below n collect (make-array 100 :initial-element i)))
(format t "~a~%" (loop repeat 20 sum (length (heap 5000))))
(format t "~a~%" (handler-case (car (symbol-value (intern "NOTHING")))
                   (unbound-variable () "unbound")))
(defun deep (n) (+ 1 (deep (+ 1 n))))
(format t "~a~%" (handler-case (deep 0) (sb-kernel::control-stack-exhausted () "exhausted")
                   (storage-condition () "storage")))
(sb-ext:exit :code 3)
