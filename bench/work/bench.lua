-- SPDX-License-Identifier: BSD-2-Clause
--
-- About two seconds of LuaJIT: traces that are compiled all the time (each makes the machine code
-- area writable and executable again, some 1 200 turns in all), a few that run long, tables and
-- strings, and calls from C back into Lua. Ends with 1 unless what it computes is right.

local ffi = require('ffi')

ffi.cdef [[
typedef int (*compare_fn)(const int *, const int *);
void qsort(void *base, size_t n, size_t size, compare_fn compare);
]]

-- Traces: small functions, each hot once.
local function many_traces(n)
    local sum = 0
    for i = 1, n do
        local f = assert(loadstring(
            ('local s = 0 for i = 1, 200 do s = (s * 3 + i * %d) %% 65521 end return s'):format(i)))
        sum = (sum + f()) % 1000003
    end
    return sum
end

-- One trace that runs long, in numbers, tables and C memory.
local function sieve(n)
    local composite, count = ffi.new('uint8_t[?]', n + 1), 0
    for i = 2, n do
        if composite[i] == 0 then
            count = count + 1
            for j = i * i, n, i do composite[j] = 1 end
        end
    end
    return count
end

local function matrix(n)
    local a, b, sum = {}, {}, 0
    for i = 1, n do
        a[i], b[i] = {}, {}
        for j = 1, n do a[i][j], b[i][j] = (i * j) % 7, (i + j) % 5 end
    end
    for i = 1, n do
        for j = 1, n do
            local s = 0
            for k = 1, n do s = s + a[i][k] * b[k][j] end
            sum = sum + s
        end
    end
    return sum
end

local function strings(n)
    local t = {}
    for i = 1, n do t[i] = tostring(i):rep(2):gsub('1', 'one') end
    return #table.concat(t, ',')
end

-- Callbacks: code in memory of their own that C calls.
local function callbacks(n)
    local size, sum = 400, 0
    for round = 1, n do
        local compare = ffi.cast('compare_fn', function(x, y) return x[0] - y[0] end)
        local a, seed = ffi.new('int[?]', size), round
        for i = 0, size - 1 do
            seed = (seed * 1103 + 12345) % 65521
            a[i] = seed
        end
        ffi.C.qsort(a, size, 4, compare)
        compare:free()
        for i = 1, size - 1 do assert(a[i - 1] <= a[i]) end
        sum = (sum + a[round % size]) % 1000003
    end
    return sum
end

local works = {
    {many_traces, 600, 590505},
    {sieve, 30000000, 1857859},
    {matrix, 700, 1764000000},
    {strings, 500000, 7677789},
    {callbacks, 500, 907198},
}

for i, work in ipairs(works) do
    local found = work[1](work[2])
    if found ~= work[3] then
        print(('work %d: %s, not %s'):format(i, found, work[3]))
        os.exit(1)
    end
end
