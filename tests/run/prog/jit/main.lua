-- SPDX-License-Identifier: BSD-2-Clause
-- luajit: traces of many kinds, side exits, coroutines, FFI callbacks, code caches thrown away.
local ffi = require('ffi')
ffi.cdef[[
int abs(int);
void qsort(void *, size_t, size_t, int (*)(const int *, const int *));
]]

local s = 0
for i = 1, 3000000 do s = (s + i * 7) % 1000003 end

local t = {}
for i = 1, 20000 do t[i] = tostring(i):rep(3) end
print(s, #table.concat(t), jit.status())

local makers = {}
for k = 1, 150 do
	makers[k] = assert(loadstring('local s = 0 for i = 1, 3000 do s = (s + i * ' .. k ..
		') % 10007 if i % ' .. (k + 1) .. ' == 0 then s = s + 1 end end return s'))
end
local all = 0
for round = 1, 3 do
	for k = 1, 150 do all = (all + makers[k]()) % 1000003 end
	jit.flush()
end
print(all)

local a = ffi.new('int[200]')
for i = 0, 199 do a[i] = (i * 7919) % 1009 end
ffi.C.qsort(a, 200, 4, function(x, y) return x[0] - y[0] end)
print(ffi.C.abs(-4), a[0], a[199])

local kept = {}
for i = 1, 100 do kept[i] = ffi.cast('int (*)(int)', function(x) return x + i end) end
local told = 0
for i = 1, 100 do told = told + kept[i](i) end
for i = 1, 100 do kept[i]:free() end
print(told)

local co = coroutine.wrap(function() for i = 1, 300000 do coroutine.yield(i % 17) end return 0 end)
local got = 0
for _ = 1, 300000 do got = got + co() end
print(got, pcall(function() return nil + 1 end))
io.stderr:write('done\n')
os.exit(7)
