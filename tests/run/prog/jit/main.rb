# SPDX-License-Identifier: BSD-2-Clause
# ruby: a closure of fiddle's (libffi), methods that become hot, YJIT if it is on.
require 'fiddle'

def fib(n) = n < 2 ? n : fib(n - 1) + fib(n - 2)

class Order < Fiddle::Closure
  def call(a, b)
    Fiddle::Pointer.new(a)[0, 4].unpack1('l') <=> Fiddle::Pointer.new(b)[0, 4].unpack1('l')
  end
end

libc = Fiddle.dlopen('libc.so.6')
sort = Fiddle::Function.new(libc['qsort'], [Fiddle::TYPE_VOIDP, Fiddle::TYPE_SIZE_T,
                                            Fiddle::TYPE_SIZE_T, Fiddle::TYPE_VOIDP], Fiddle::TYPE_VOID)
numbers = (0...200).map { |i| (i * 7919) % 1009 }
array = Fiddle::Pointer[numbers.pack('l*')]
sort.call(array, 200, 4, Order.new(Fiddle::TYPE_INT, [Fiddle::TYPE_VOIDP, Fiddle::TYPE_VOIDP]))
puts array[0, 800].unpack('l*') == numbers.sort

made = (0...100).map { |k| eval("proc { |x| x * #{k} + x % #{k + 1} }") }
sum = 0
200_000.times { |i| sum = (sum + made[i % 100].call(i)) % 1_000_003 }
puts sum, fib(23)
puts((1..4).map { |n| Thread.new { fib(15 + n) } }.sum(&:value))
puts RubyVM::YJIT.enabled?
sleep 0.05
exit 3
