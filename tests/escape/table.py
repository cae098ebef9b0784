# SPDX-License-Identifier: BSD-2-Clause
"""The attacks, and what each must come to.

A row says how the attack is started, what it comes to natively, under the default, the strict and
the audit profile, which rule a report must name, and a policy that switches off just what stops it.
Where no profile has what stops it, a row names a policy of its own, and what it comes to under
that; and one that lets it pass but says so.

In a command `@` stands for the folder of the programs, `%` for the test's own; `0disk`, `0memory`
are a new file of zeroes there, `0folder` a new folder. An expectation is a word or a tuple of
words: EXECUTED, "REFUSED step ERRNO", or the signal that ended it. `EXECUTED` under a profile is a
limit that the documentation admits; the row fails when it is no longer true, so that it gets corrected.

To add an attack: a program in attacks/, which says what attack.h lists, its name in meson.build,
a row here.
"""

import os
from dataclasses import dataclass
from typing import Callable, Optional, Sequence, Union

SAME = object()     # not run under this profile
EXECUTED = 'EXECUTED'
KILLED = 'SIGKILL'

Expected = Union[str, Sequence[str], object]


@dataclass
class Absent:
    """What this kernel or user lacks natively, and what the attack comes to then."""
    missing: Callable[[], bool]
    native: str
    why: str


@dataclass
class Row:
    name: str
    argv: Sequence[str]
    default: Expected
    strict: Expected
    rule: Optional[Union[str, Sequence[str]]] = None    # or one of several
    off: Optional[str] = None
    native: str = EXECUTED
    absent: Optional[Absent] = None
    audit: Optional[Expected] = None    # None: as natively, which all that policy rules is
    audit_logs: bool = True
    policy: Optional[str] = None        # instead of the profiles
    ruled: Expected = SAME              # what it comes to under `policy`
    logged: Optional[str] = None        # as natively under this one, and reported for `rule`
    under: Sequence[str] = ()           # what starts it natively, and cmrun


def off(*settings, profile='default'):
    return '\n'.join((f'extends = "{profile}";',) + settings)


def no_root():
    return os.geteuid() != 0


def no_x32():
    return not kernel_has('X86_X32_ABI')


def kernel_is(*version):
    """Whether it is this version or a later one."""
    return tuple(int(n) for n in os.uname().release.split('-')[0].split('.')[:2]) >= version


def kernel_has(name):
    """From the running kernel's configuration; where it is not told, Debian's is assumed."""
    import gzip
    try:
        with gzip.open('/proc/config.gz', 'rt') as f:
            return f'CONFIG_{name}=y\n' in f.read()
    except OSError:
        return True


WX_OFF = off('wx: { map = "allow"; transition = "allow"; file = "any"; };')
UNSEALED = 'seal: { text = false; relro = false; data = false; };'
ALL_UNSEALED = 'seal: { text = false; relro = false; data = false; vdso = false; };'
UNSEALED_WX_OFF = f'{WX_OFF} {UNSEALED}'
WX_RULE = 'wx.'

ROWS = []


def add(*args, **named):
    ROWS.append(Row(*args, **named))


# --- RWX memory and added X, by every way in ------------------------------------------------------

def add_enter(program, call, place, default=None, strict=None, **more):
    for what, step in (('rwx', 'mmap'), ('addx', 'mprotect')):
        key = 'map' if what == 'rwx' else 'transition'
        refused = f'REFUSED {step} EACCES'
        row = dict(rule=f'wx.{key}', off=off(f'wx: {{ {key} = "allow"; }};'))
        row.update({k: v(step) if callable(v) else v for k, v in more.items()})
        add(f'{program} {call} {place} {what}', ['@' + program, call, place, what],
            (default or (lambda s: refused))(step), (strict or (lambda s: refused))(step), **row)


COMPAT_OFF = off('kernel: { compat = "allow"; };')


def enosys(step):
    return f'REFUSED {step} ENOSYS'


def killed(step):
    return KILLED


def x32(step):
    return Absent(no_x32, f'REFUSED {step} ENOSYS', 'the kernel has no x32')


for prog, ways in (('enter', ('main', 'constructor', 'signal', 'thread', 'fork', 'vfork',
                              'clone_vm', 'thread_exec', 'unpreloaded', 'empty', 'chain:50')),
                   ('enter_static', ('main', 'constructor', 'signal', 'thread', 'fork', 'vfork',
                                     'thread_exec', 'empty', 'chain:50'))):
    for where in ways:
        for how in ('libc', 'syscall', 'inline') if where == 'main' else ('libc', 'inline'):
            add_enter(prog, how, where)
    add_enter(prog, 'int80', 'main', enosys, killed, rule='kernel.compat', off=COMPAT_OFF)
    add_enter(prog, 'x32', 'main', enosys, killed, rule='kernel.compat', off=COMPAT_OFF,
              absent=x32)

for how in ('old_mmap', 'ipc_shmat', 'far'):
    add(f'compat {how}', ['@compat', how], 'REFUSED compat ENOSYS', KILLED, 'kernel.compat',
        COMPAT_OFF)

# By programs that change what a supervisor can see of them.
for name, before in (('ld.so', ['/lib64/ld-linux-x86-64.so.2']),
                     ('setsid', ['/usr/bin/setsid', '--wait']),
                     ('env -i', ['/usr/bin/env', '-i'])):
    add(f'started by {name}', before + ['@enter', 'libc', 'main', 'addx'],
        'REFUSED mprotect EACCES', 'REFUSED mprotect EACCES', 'wx.transition',
        off('wx: { transition = "allow"; };'))

add('started by unshare', ['/usr/bin/unshare', '--pid', '--fork', '@enter', 'libc', 'main', 'addx'],
    'REFUSED mprotect EACCES', 'REFUSED mprotect EACCES', 'wx.transition',
    off('wx: { transition = "allow"; };'),
    absent=Absent(no_root, 'nothing with status 1', 'not root'))

# --- other calls that grant X ---------------------------------------------------------------------

add('pkey_mprotect', ['@pkey_mprotect'], 'REFUSED pkey_mprotect EACCES',
    'REFUSED pkey_mprotect EACCES', 'wx.transition', off('wx: { transition = "allow"; };'))
for how in ('rwx', 'alias'):
    add(f'shm_exec {how}', ['@shm_exec', how], 'REFUSED shmat EACCES', 'REFUSED shmat EACCES',
        'wx.map', WX_OFF)
# Where the supervisor knows what is sealed it does not know how far a segment reaches.
add('shm_exec remap', ['@shm_exec', 'remap'], 'REFUSED shmat EACCES',
    ('REFUSED shmat EACCES', 'REFUSED shmat EPERM'), ('wx.map', 'seal.'), WX_OFF)
for how in ('prot_high', 'prot_low', 'prot_sem', 'flags_high'):
    add(f'junk_prot {how}', ['@junk_prot', how], 'REFUSED mmap EACCES', 'REFUSED mmap EACCES',
        'wx.map', off('wx: { map = "allow"; };'))
add('junk_prot validate', ['@junk_prot', 'validate'], 'REFUSED mmap EACCES', 'REFUSED mmap EACCES',
    WX_RULE, WX_OFF)
add('junk_prot fd_high', ['@junk_prot', 'fd_high'], 'REFUSED mmap EACCES', 'REFUSED mmap EACCES',
    'wx.file', off('wx: { file = "any"; };'))
add('junk_prot mprotect_sem', ['@junk_prot', 'mprotect_sem'], 'REFUSED mprotect EACCES',
    'REFUSED mprotect EACCES', 'wx.transition', off('wx: { transition = "allow"; };'))
for how in ('toggle', 'xonly', 'shared', 'zero', 'fork'):
    add(f'anonymous_rx {how}', ['@anonymous_rx', how], 'REFUSED mmap EACCES', 'REFUSED mmap EACCES',
        'wx.map', WX_OFF)
add('mremap_dup rx_first', ['@mremap_dup', 'rx_first'], 'REFUSED mmap EACCES',
    'REFUSED mmap EACCES', 'wx.map', WX_OFF)
add('mremap_dup rw_first', ['@mremap_dup', 'rw_first'], 'REFUSED mprotect EACCES',
    'REFUSED mprotect EACCES', 'wx.transition', WX_OFF)
for how in ('mapped', 'stack'):
    # How far it grows down, strict's list of what is sealed cannot tell either.
    add(f'growsdown {how}', ['@growsdown', how], 'REFUSED mprotect EACCES',
        ('REFUSED mprotect EACCES', 'REFUSED mprotect EPERM'), (WX_RULE, 'seal.'), WX_OFF)
add('remap_file_pages', ['@remap_file_pages', '%two-pages'], 'REFUSED remap_file_pages ENOSYS',
    'REFUSED remap_file_pages ENOSYS', 'kernel.remap_file_pages',
    off('kernel: { remap_file_pages = "allow"; };'))

# --- code written into an object and mapped from it -----------------------------------------------

for kind in ('memfd', 'tmpfile', 'file', 'unlinked', 'posix'):
    for how in ('written', 'alias', 'alias_late', 'reopened', 'undumpable', 'protected'):
        step = 'mprotect' if how == 'protected' else 'mmap_exec'
        refused = f'REFUSED {step} EACCES'
        memfd = kind == 'memfd'
        any_file = off('wx: { file = "any"; };', profile='default' if memfd else 'strict')
        if how == 'protected':
            # Adding X to a file's mapping is a transition before it is a matter of its file.
            add(f'object {kind} {how}', ['@object', kind, how], refused, refused, 'wx.', WX_OFF)
        else:
            add(f'object {kind} {how}', ['@object', kind, how],
                refused if memfd else EXECUTED, refused, 'wx.file', any_file)

# A file older than the tree, in memory, changed through a mapping.
add('object on tmpfs touched', ['@object', '0memory', 'touched'], EXECUTED,
    'REFUSED mmap_exec EACCES', 'wx.file', off('wx: { file = "any"; };', profile='strict'))
add('object on disk touched', ['@object', '0disk', 'touched'], EXECUTED,
    'REFUSED mmap_exec EACCES', 'wx.file', off('wx: { file = "any"; };', profile='strict'))

# What is changed after it was mapped is nobody's to see: a limit of provenance.
add('object on disk changed once mapped', ['@object', '0disk', 'alias_late'], EXECUTED, EXECUTED)

# --- the program's own text, other processes ------------------------------------------------------

add('text rwx', ['@text', 'rwx'], 'REFUSED mprotect_rwx EACCES',
    ('REFUSED mprotect_rwx EACCES', 'REFUSED mprotect_rwx EPERM'), ('wx.map', 'seal.text'),
    UNSEALED_WX_OFF, audit_logs=False)
add('text toggle', ['@text', 'toggle'], 'REFUSED mprotect_rw EPERM', 'REFUSED mprotect_rw EPERM',
    'seal.text', UNSEALED_WX_OFF, audit_logs=False)
add('text replace', ['@text', 'replace'], *[('REFUSED mmap EACCES', 'REFUSED mmap EPERM')] * 2,
    ('wx.map', 'seal.text'), UNSEALED_WX_OFF, audit_logs=False)
# Text that is not sealed is still no place for other code.
for how, step, rule in (('rwx', 'mprotect_rwx', 'wx.map'),
                        ('toggle', 'mprotect_rx', 'wx.transition'),
                        ('replace', 'mmap', 'wx.map')):
    add(f'text {how}, not sealed', ['@text', how], SAME, SAME, rule, policy=off(UNSEALED),
        ruled=f'REFUSED {step} EACCES', off=UNSEALED_WX_OFF)
add('text span', ['@text', 'span'], 'REFUSED mprotect EACCES', 'REFUSED mprotect EACCES',
    'wx.transition', WX_OFF)
# Nobody stops this by default; a policy has to ask for it, and then Landlock says EACCES.
for path in ('/proc/self/mem', '/proc/thread-self/mem'):
    add(f'text {path}', ['@text', 'proc_mem', path], EXECUTED, 'REFUSED open EACCES', None,
        off('kernel: { proc_mem = "allow"; supervisor = false; };', profile='strict'))
# On a procfs of one's own; Landlock refuses mount(2).
add('text /proc on another mount', ['/usr/bin/unshare', '--mount', '/bin/sh', '-c',
                                    'mount -t proc proc "$0" && exec "$1" proc_mem "$0/self/mem"',
                                    '0folder', '@text'],
    EXECUTED, 'nothing with status 1', None,
    off('kernel: { proc_mem = "allow"; supervisor = false; };', profile='strict'),
    absent=Absent(no_root, 'nothing with status 1', 'not root'))
for how in ('ptrace_attach', 'ptrace_seize', 'ptrace_traceme'):
    add(f'other_process {how}', ['@other_process', how], EXECUTED, 'REFUSED ptrace ENOSYS',
        'kernel.ptrace', None)
# The kernel refuses this one by itself to whoever is under a filter.
add('other_process ptrace_suspend', ['@other_process', 'ptrace_suspend'], 'REFUSED ptrace EPERM',
    ('REFUSED ptrace EPERM', 'REFUSED ptrace ENOSYS'), None, None, audit='REFUSED ptrace EPERM',
    absent=Absent(no_root, 'REFUSED ptrace EPERM', 'not root'))
add('other_process vm_writev', ['@other_process', 'vm_writev'], EXECUTED,
    'REFUSED process_vm_writev ENOSYS', 'kernel.process_vm_writev', None)

# --- kernel interfaces ----------------------------------------------------------------------------

DEVICE_OF_ROOT = Absent(no_root, 'REFUSED open EACCES', 'not root')
for how, key, by_default, absent in (
        ('io_uring_setup', 'io_uring', False, None),
        ('userfaultfd', 'userfaultfd', False,
         Absent(no_root, 'REFUSED userfaultfd EPERM', 'not root')),
        ('dev_userfaultfd', 'userfaultfd', False, DEVICE_OF_ROOT),
        ('dev_userfaultfd_junk', 'userfaultfd', False, DEVICE_OF_ROOT),
        ('modify_ldt', 'modify_ldt', False, None),
        ('prctl_map', 'prctl_mm', False, None),
        ('prctl_map_size', 'prctl_mm', False, None),
        ('io_setup', 'aio', True, None),
        ('perf_event_open', 'perf_event', True, None),
        ('bpf', 'bpf', True, Absent(no_root, 'REFUSED bpf EPERM', 'not root'))):
    no = f'REFUSED {how} ENOSYS'
    add(f'interface {how}', ['@interface', how], EXECUTED if by_default else no, no,
        f'kernel.{key}', None if by_default else off(f'kernel: {{ {key} = "allow"; }};'),
        absent=absent)

# The one that is there has to go first.
VDSO_OFF = 'seal: { vdso = false; };'
for how in ('map_vdso', 'map_vdso_32'):
    add(f'interface {how}', ['@interface', how], 'REFUSED munmap EPERM', 'REFUSED munmap EPERM',
        ('seal.vdso', 'kernel.map_vdso'), off(VDSO_OFF, 'kernel: { map_vdso = "allow"; };'),
        policy=off(VDSO_OFF), ruled=f'REFUSED {how} ENOSYS')

for how in ('mmap', 'mprotect'):
    add(f'personality {how}', ['@personality', how], 'REFUSED personality ENOSYS',
        'REFUSED personality ENOSYS', 'kernel.personality',
        off('kernel: { personality = "allow"; };'))
add('personality exec', ['@personality', 'exec', '@i386_noexecstack'], 'REFUSED personality ENOSYS',
    'REFUSED personality ENOSYS', 'kernel.personality',
    off('wx: { map = "allow"; };', 'kernel: { personality = "allow"; compat = "allow"; };'))

# --- images -----------------------------------------------------------------------------------

add('i386 image without PT_GNU_STACK', ['@i386_image'], ('SIGSYS', KILLED), KILLED, None, None)
# ld.so notes that stacks are executable in its own RELRO; what it was refused it tells in words.
add('dlopen_execstack', ['@dlopen_execstack', '@libexecstack.so'], 'REFUSED dlopen EINVAL',
    'REFUSED dlopen EINVAL', None, UNSEALED_WX_OFF)
add('dlopen_execstack, not sealed', ['@dlopen_execstack', '@libexecstack.so'], SAME, SAME, WX_RULE,
    policy=off(UNSEALED), ruled='REFUSED dlopen EACCES', off=UNSEALED_WX_OFF)
add('execstack', ['@execstack'], KILLED, KILLED, 'wx.map', WX_OFF)
add('execstack_static', ['@execstack_static'], KILLED, KILLED, 'wx.map', WX_OFF)
add('rwx_segment after a call', ['@rwx_segment', 'loud'], KILLED, KILLED, 'wx.map', WX_OFF)
add('rwx_segment that waits a second', ['@rwx_segment', 'slow'], KILLED, KILLED, 'wx.map', WX_OFF)
for us in (50, 500, 2000):
    # PR_SET_MDWE, which the library sets under strict, ends the execve itself.
    add(f'exec_several after {us} us', ['@exec_several', str(us), '@rwx_segment'], KILLED,
        SAME, 'wx.map', WX_OFF)
add('dirty_text', ['@dirty_text'], 'REFUSED mprotect EACCES', 'REFUSED mprotect EACCES',
    'wx.transition', off('wx: { transition = "allow"; };'))
# Without any mm call there is no first notification to look at, but a look after a millisecond.
add('rwx_segment without a call', ['@rwx_segment'], (EXECUTED, KILLED), KILLED, 'wx.map',
    off('exec: { verify = "first"; };', profile='strict'), audit_logs=False)
for how in ('fexecve', 'execveat', 'path', 'script'):
    for image in ('payload', 'payload_static'):
        add(f'memfd_image {how} {image}', ['@memfd_image', how, '@' + image], KILLED, KILLED,
            'wx.file', off('wx: { file = "any"; };'))
add('memfd_image as ELF interpreter', ['@memfd_image', 'interp', '@bare', '@payload_interp'],
    KILLED, KILLED, 'wx.file', off('wx: { file = "any"; };'))
for image in ('payload', 'payload_static'):
    add(f'memfd_image file {image}', ['@memfd_image', 'file', '@' + image], EXECUTED, KILLED,
        'wx.file', off('wx: { file = "any"; };', profile='strict'))

# --- the gate, the control channel, the supervisor ------------------------------------------------

for how, step in (('rwx', 'mmap'), ('addx', 'mprotect'), ('pkey', 'mprotect'), ('shm', 'shmat'),
                  ('memfd', 'mmap')):
    add(f'gate_jump {how}', ['@gate_jump', how], f'REFUSED {step} EACCES', f'REFUSED {step} EACCES',
        'wx.file' if how == 'memfd' else WX_RULE, WX_OFF)
# EPERM is the seal's answer; EACCES the kernel's to whoever would discard a file opened to read.
for how in ('unmap', 'replace', 'protect', 'move', 'cover', 'discard', 'write'):
    refused = (f'REFUSED {how} EPERM', f'REFUSED {how} EACCES')
    add(f'gate_rewrite {how}', ['@gate_rewrite', how], refused, refused, audit=refused,
        absent=Absent(no_root, 'REFUSED write EPERM', 'not root') if how == 'write' else None)
add('gate_segment', ['@gate_segment'], KILLED, KILLED, None, None, audit=KILLED)
# Whether the look that comes after a millisecond comes in time is the scheduler's business.
add('gate_segment silent', ['@gate_segment', 'silent'], (EXECUTED, KILLED), KILLED, None, None,
    audit=(EXECUTED, KILLED))
for how in ('fixed', 'hint', 'noreplace', 'move', 'cover', 'protect', 'dontfork'):
    refused = tuple(f'REFUSED {step} {errno}' for step in ('mmap', 'mremap', 'mprotect', 'hint')
                    for errno in ('EPERM', 'EACCES', 'EEXIST'))
    add(f'gate_plant {how}', ['@gate_plant', how, '@gate_plant_static'], refused, refused, None,
        None, audit=refused)
add('forge_control', ['@forge_control'], 'REFUSED mmap EACCES', 'REFUSED mmap EACCES', WX_RULE,
    WX_OFF)
for how in ('memfd', 'data', 'name'):
    add(f'jit_impostor {how}', ['@jit_impostor', how], 'REFUSED mmap EACCES', 'REFUSED mmap EACCES',
        'wx.map', WX_OFF)
FFI = '/usr/lib/x86_64-linux-gnu/libffi.so.8'
add('jit_impostor genuine but data', ['@jit_impostor', 'r--', FFI], 'REFUSED mmap EACCES',
    'REFUSED mmap EACCES', 'wx.map', WX_OFF)
add('jit_impostor genuine', ['@jit_impostor', 'r-x', FFI], 'REFUSED mmap EACCES',
    'REFUSED mmap EACCES', 'wx.map', WX_OFF)
# Whoever can load a library that generates code, and jump to the gate in its name, may generate
# code: a limit of profiles that list such libraries. Not W and X at once, though.
add('gate_jump in the name of a JIT', ['@gate_jump', 'jit', FFI], 'REFUSED mmap EACCES',
    'REFUSED mmap EACCES', WX_RULE, WX_OFF)
add('gate_jump addx in the name of a JIT', ['@gate_jump', 'addx', FFI], EXECUTED,
    'REFUSED mprotect EACCES', 'wx.transition',
    off('wx: { jit = [ "' + FFI.replace('.8', '.*') + '" ]; }; kernel: { mdwe = false; };',
        profile='strict'))

# --- programs that generate code, served by flip ------------------------------------------------

WX_FLIP = 'map = "flip"; transition = "flip";'


def flip(settings='', *others):
    return off(f'wx: {{ {WX_FLIP} {settings} }};', *others)


def add_ruled(name, argv, ruled, rule, policy, **more):
    """No profile serves the attack's own program by flip; audit logs other rules than `rule`."""
    add(name, argv, SAME, SAME, rule, policy=policy, ruled=ruled, audit_logs=False, **more)


# Who stores into code that has run. The page that is not to be written is not: the program gets the
# SIGSEGV that the kernel raised.
MODULE = '@libjit_module.so'
for how in ('code', 'code_string', 'code_memcpy', 'code_across', 'code_itself', 'code_thread',
            'code_child', 'module', 'module_memcpy'):
    add_ruled(f'jit_write {how}', ['@jit_write', how, MODULE], 'SIGSEGV', 'wx.writers',
              flip('writers = "module";'), off=flip('writers = "any";'))
for how in ('code_pread', 'module_pread'):
    add_ruled(f'jit_write {how}', ['@jit_write', how, MODULE], 'REFUSED pread EFAULT', 'wx.writers',
              flip('writers = "module";'), off=flip('writers = "any";'))
add_ruled('jit_write own_pread, to nobody', ['@jit_write', 'own_pread'], 'REFUSED pread EFAULT',
          'wx.writers', flip('writers = "none";'), off=flip('writers = "any";'))
for how in ('own', 'own_memcpy', 'code', 'module_memcpy'):
    add_ruled(f'jit_write {how}, to nobody', ['@jit_write', how, MODULE], 'SIGSEGV', 'wx.writers',
              flip('writers = "none";'), off=flip('writers = "any";'))
# Nor does a call about the page let the module store, whether the kernel makes it or not.
for how in ('same', 'flags', 'away'):
    add_ruled(f'jit_write module_mremap_{how}', ['@jit_write', f'module_mremap_{how}', MODULE],
              'SIGSEGV', 'wx.writers', flip('writers = "module";'), off=flip('writers = "any";'))
add_ruled('jit_write module_mprotect', ['@jit_write', 'module_mprotect', MODULE], 'SIGSEGV',
          'wx.writers', flip('writers = "module";'), off=flip('writers = "any";'))
for how in ('same', 'away'):
    add_ruled(f'jit_write module_mremap_{how}, refused',
              ['@jit_write', f'module_mremap_{how}', MODULE], 'SIGSEGV', 'wx.writers',
              flip('writers = "module";', 'foreign: { unmap = "deny"; replace = "deny"; };'),
              off=flip('writers = "any";'))
# What must go on working, and two limits: a page that has not run since it was written is
# anybody's, and memcpy is whose it returns to.
for how in ('own', 'own_memcpy', 'own_pread', 'fresh', 'module_jump'):
    add_ruled(f'jit_write {how}', ['@jit_write', how, MODULE], EXECUTED, None,
              flip('writers = "module";'))

# W and X at once, past the library.
for how, step in (('mmap', 'mmap'), ('wx', 'mmap'), ('mprotect', 'mprotect'),
                  ('rx_to_rwx', 'mprotect'), ('managed', 'mprotect'), ('managed_run', 'mprotect'),
                  ('moved', 'mprotect'), ('child', 'mprotect'), ('pkey', 'pkey_mprotect'),
                  ('shmat', 'shmat'), ('shmat_remap', 'shmat'), ('shmat_libc', 'shmat'),
                  ('gate_mmap', 'mmap'), ('gate_mprotect', 'mprotect'),
                  ('gate_flip', 'mprotect')):
    add_ruled(f'jit_raw_wx {how}', ['@jit_raw_wx', how], f'REFUSED {step} EACCES', WX_RULE, flip(),
              off=WX_OFF)
for how, step in (('mmap', 'mmap'), ('mprotect', 'mprotect'), ('shmat_libc', 'shmat')):
    add_ruled(f'jit_raw_wx plain {how}', ['@jit_raw_wx', 'plain', how], f'REFUSED {step} EACCES',
              WX_RULE, flip(), off=WX_OFF)
add_ruled('jit_raw_wx alias_memfd', ['@jit_raw_wx', 'alias_memfd'], 'REFUSED mmap EACCES',
          'wx.file', flip(), off=flip('file = "any";'))
# Two views of shared memory, of which one was granted X: no mapping is both.
for how in ('alias', 'alias_managed'):
    add_ruled(f'jit_raw_wx {how}', ['@jit_raw_wx', how], EXECUTED, None, flip())

# What the code holds.
INSPECTED = [(what, how) for what in ('syscall', 'sysenter', 'int80', 'wrpkru', 'xrstor', 'hidden')
             for how in ('fetch', 'rewritten', 'protect')]
INSPECTED += [('border', how) for how in ('fetch', 'backwards', 'protect', 'each')]
for what, how in INSPECTED:
    fetched = how in ('fetch', 'rewritten', 'backwards')
    add_ruled(f'jit_inspect {what} {how}', ['@jit_inspect', what, how],
              'SIGSEGV' if fetched else 'REFUSED mprotect EACCES', 'wx.inspect',
              flip('inspect = "deny";'), off=flip('inspect = "allow";'),
              logged=flip('inspect = "log";'))
for what in ('nothing', 'lfence'):
    for how in ('fetch', 'rewritten', 'protect'):
        add_ruled(f'jit_inspect {what} {how}', ['@jit_inspect', what, how], EXECUTED, None,
                  flip('inspect = "deny";'))
# It is the library that looks: not at what is asked past it, nor at what two moves bring together.
for what, how in (('syscall', 'raw'), ('border', 'raw'), ('border', 'moved')):
    add_ruled(f'jit_inspect {what} {how}', ['@jit_inspect', what, how], EXECUTED, None,
              flip('inspect = "deny";'))

# --- patch kits: libc's own calls -----------------------------------------------------------------

PATCH = 'interpose: { patch = true; };'
KIT_OFF = off('wx: { map = "allow"; transition = "allow"; file = "any"; };', PATCH)
NO_KIT = 'REFUSED sites EPERM'      # where the tree was built not to patch
LIBRARY = '@../../interpose/libcminterpose.so'


def add_kit(name, argv, default, strict, rule=None, kit_off=None, audit=EXECUTED, **more):
    """Under each profile as it is when libc is patched, whatever it was built to be."""
    for profile, expected in (('default', default), ('strict', strict)):
        if expected is SAME:
            continue
        add_ruled(f'{name}, {profile}', argv, expected, rule, off(PATCH, profile=profile),
                  off=kit_off if profile == 'default' else None, audit=audit, **more)


# What is sealed stays; an administrator who lets code be changed has libc's changed as well.
for how in ('unmap', 'replace', 'code', 'protect', 'move', 'cover'):
    add_kit(f'kit_rewrite {how}', ['@kit_rewrite', how], f'REFUSED {how} EPERM',
            f'REFUSED {how} EPERM', None, f'{KIT_OFF} {UNSEALED}')
for how, errno in (('discard', 'EACCES'), ('forget', 'EEXIST')):
    add_kit(f'kit_rewrite {how}', ['@kit_rewrite', how], f'REFUSED {how} EPERM',
            f'REFUSED {how} EPERM', audit=(EXECUTED, f'REFUSED {how} {errno}'))
    add_ruled(f'kit_rewrite {how}, libc not sealed', ['@kit_rewrite', how],
              f'REFUSED {how} {errno}', None, off(PATCH, UNSEALED),
              audit=(EXECUTED, f'REFUSED {how} {errno}'))
for how, errno in (('write', 'EPERM'), ('share', 'EPERM')):
    root = how in ('write', 'share')    # who may open the memfd at all
    refused = 'REFUSED open EPERM' if root and no_root() else f'REFUSED {how} {errno}'
    add_kit(f'kit_rewrite {how}', ['@kit_rewrite', how], refused, refused,
            audit=(EXECUTED, refused),
            absent=Absent(no_root, 'REFUSED open EPERM', 'not root') if root else None)

# Only where it belongs, private, and while start-up goes on.
add_kit('kit_map in place', ['@kit_map_static', 'in_place', LIBRARY], EXECUTED, EXECUTED,
        audit=(EXECUTED, NO_KIT))
add_kit('kit_map elsewhere', ['@kit_map_static', 'elsewhere', LIBRARY], KILLED, KILLED, 'wx.file',
        KIT_OFF, audit=(EXECUTED, NO_KIT))
add_kit('kit_map reopened', ['@kit_map', 'reopened'],
        *(('REFUSED open EPERM',) * 2 if no_root() else ('REFUSED mmap EACCES',) * 2),
        None if no_root() else 'wx.file', None if no_root() else KIT_OFF,
        audit=(EXECUTED, 'REFUSED open EPERM') if no_root() else EXECUTED)
for how, step, rule in (('shared', 'mmap', 'wx.file'), ('wx', 'mmap', 'wx.map'),
                        ('kept', 'mmap', 'wx.file'), ('kept_path', 'mmap', 'wx.file'),
                        ('kept_child', 'mmap', 'wx.file'),
                        ('protected', 'mprotect', 'wx.transition')):
    add_kit(f'kit_map {how}', ['@kit_map_static', how, LIBRARY], f'REFUSED {step} EACCES',
            f'REFUSED {step} EACCES', rule, KIT_OFF, audit=(EXECUTED, NO_KIT))
for how in ('write', 'grow'):
    add_kit(f'kit_map {how}', ['@kit_map_static', how, LIBRARY], f'REFUSED {how} EPERM',
            f'REFUSED {how} EPERM', audit=(f'REFUSED {how} EPERM', NO_KIT))

for how in ('posing', 'copy'):
    add_kit(f'kit_forge {how}', ['@kit_forge', how, LIBRARY], 'REFUSED mmap EACCES',
            'REFUSED mmap EACCES', 'wx.file', KIT_OFF, audit=(EXECUTED, NO_KIT))
# Who wins is ended: the one that goes on within a few milliseconds, the other within a second.
for how in ('swap', 'silent'):
    add_kit(f'kit_forge {how}', ['@kit_forge', how, LIBRARY],
            (KILLED, 'REFUSED swap ETIMEDOUT'), (KILLED, 'REFUSED swap ETIMEDOUT'), 'wx.file',
            KIT_OFF, audit=(EXECUTED, NO_KIT))

for how in ('nonsense', 'late', 'twice'):
    add_kit(f'kit_sites {how}', ['@kit_sites', how, LIBRARY], 'REFUSED mmap EACCES',
            'REFUSED mmap EACCES', 'wx.map', KIT_OFF, audit=(EXECUTED, NO_KIT))
for how in ('own_file', 'own_memfd', 'own_shared', 'turned', 'gadget'):
    add_kit(f'kit_sites {how}', ['@kit_sites', how, LIBRARY], 'REFUSED sites ENOENT',
            'REFUSED load EACCES' if how == 'own_shared' else 'REFUSED sites ENOENT',
            audit=('REFUSED sites ENOENT', NO_KIT))
# A file that may be code may be it by a kit too.
add_kit('kit_sites own_code', ['@kit_sites', 'own_code', LIBRARY], EXECUTED, 'REFUSED load EACCES',
        audit=(EXECUTED, NO_KIT))

# By the entry of any stub, by what is left of libc's own site, by the gate: what execution is
# asked for is refused alike.
for where in ('0', 'all', 'site', 'main'):
    for how, step in (('rwx', 'mmap'), ('rx', 'mmap'), ('addx', 'mprotect'), ('pkey', 'mprotect'),
                      ('shm', 'shmat'), ('memfd', 'mmap')):
        add(f'kit_jump {where} {how}', ['@kit_jump', where, how], f'REFUSED {step} EACCES',
            f'REFUSED {step} EACCES', 'wx.file' if how == 'memfd' else WX_RULE, WX_OFF)
    # What asks for none is libc's or the library's, whoever jumps there: a limit of `raw`.
    add(f'kit_jump {where} plain', ['@kit_jump', where, 'plain'], EXECUTED, EXECUTED)
add('kit_jump own plain', ['@kit_jump', 'own', 'plain'], EXECUTED, 'REFUSED mmap EPERM', 'raw',
    off('raw = "police";', profile='strict'))

# What a program makes libc ask for past the wrappers is refused, and told to be the program's where
# that can be seen; else it is libc's.
for way in ('dlsym', 'child', 'dlmopen', 'deepbind'):
    argv = ['@libkit_deep.so'] if way == 'deepbind' else []
    asker = {'dlmopen': 'libc.so.6+0x', 'deepbind': 'libkit_deep.so+0x'}.get(way, 'kit_libc+0x')
    for how, step in (('rwx', 'mmap'), ('rx', 'mmap'), ('addx', 'mprotect'),
                      ('addwx', 'mprotect')):
        # nobody asks who wants that, where policy does not watch and flip is not at work
        plain = how in ('rx', 'addx')
        refused = f'REFUSED {step} EACCES'
        foreign = way == 'deepbind' and step == 'mprotect'
        add_kit(f'kit_libc {way} {how}', ['@kit_libc', way, how, *argv], refused, SAME,
                'libc.so.6+0x' if plain and way != 'deepbind' else asker, KIT_OFF)
        add_kit(f'kit_libc {way} {how}', ['@kit_libc', way, how, *argv], SAME,
                f'REFUSED {step} EPERM' if foreign else refused, asker)

# --- sealed memory --------------------------------------------------------------------------------

CHANGES = ('protect_rw', 'protect_none', 'pkey', 'unmap', 'replace', 'replace_file', 'grow',
           'shrink', 'away', 'cover', 'dontunmap', 'shm_remap')
FEW_CHANGES = ('protect_none', 'unmap', 'replace', 'away')
DISCARDS = ('dontneed', 'dontneed_locked', 'dontfork', 'guard')
ANONYMOUS_DISCARDS = DISCARDS + ('free', 'wipeonfork')
SEAL_KEYS = {
    'text': 'text', 'rodata': 'text', 'head': 'text', 'relro': 'relro', 'data': 'data',
    'bss': 'data', 'libc_text': 'text', 'libc_relro': 'relro', 'ldso_text': 'text',
    'ldso_relro': 'relro', 'vdso': 'vdso', 'vvar': 'vdso',
}
OWN = ('text', 'rodata', 'relro', 'data', 'bss')
OTHERS = ('libc_text', 'libc_relro', 'ldso_text', 'ldso_relro')
NO_MSEAL = ['@no_mseal']
PLACES = ('thread', 'fork', 'vfork', 'clone_vm', 'signal', 'orphan')


def madvise_fails(advice):
    """Whether this kernel does not know an advice for mappings of files."""
    import ctypes
    import mmap
    libc = ctypes.CDLL(None, use_errno=True)
    with open('/proc/self/exe', 'rb') as f, \
            mmap.mmap(f.fileno(), 4096, flags=mmap.MAP_PRIVATE,
                      prot=mmap.PROT_READ | mmap.PROT_WRITE) as m:
        at = ctypes.c_char.from_buffer(m)
        r = libc.madvise(ctypes.c_void_p(ctypes.addressof(at)), ctypes.c_size_t(4096), advice)
        del at
    return r != 0


NO_GUARD = Absent(lambda: madvise_fails(102), 'REFUSED guard EINVAL', 'guards are for no file')
OLD_PROCESS = Absent(lambda: not kernel_is(6, 13), 'REFUSED process EINVAL', 'before Linux 6.13')
ONE_BY_ONE = Absent(lambda: not kernel_is(6, 17), 'REFUSED away EFAULT', 'before Linux 6.17')
ABSENT = {'guard': NO_GUARD, 'process': OLD_PROCESS}


def unsealed(target):
    return off(f'seal: {{ {SEAL_KEYS[target]} = false; }};')


def add_seal(target, way, by='libc', place='main', program='seal_change', extra=(), **more):
    """Refused with EPERM, and by that one key alone."""
    refused = f'REFUSED {way} EPERM'
    row = dict(default=refused, strict=refused, audit_logs=False, absent=ABSENT.get(way))
    if target in SEAL_KEYS:
        key = f'seal.{SEAL_KEYS[target]}'
        row['off'] = unsealed(target)
        if by in ('libc', 'syscall') or 'static' in program:
            row['rule'] = (key, 'foreign.', 'fixed.')   # of which strict has all
        elif by == 'inline' and 'under' in more:
            row['rule'] = (key, ': raw (')   # strict has another reason
    row.update(more)
    said = '' if not row.get('under') else ', no mseal'
    said = ''.join([f' {extra[0][1:]}' for _ in extra if 'seal' in extra[0]] + [said])
    add(f'{program} {place} {by} {target} {way}{said}',
        ['@' + program, place, by, target, way, *extra], **row)


def ways_of(target, ways):
    """Those that change something there: what is writable already cannot be made so."""
    return [w for w in ways if target not in ('data', 'bss') or w not in ('protect_rw', 'pkey')]


# By libc's functions: every change to everything.
for target in OWN + OTHERS:
    for way in ways_of(target, CHANGES) + ['dontfork', 'guard']:
        add_seal(target, way)
for target in ('data', 'bss'):
    add_seal(target, 'protect_r')
for target in ('vdso', 'vvar'):
    for way in FEW_CHANGES:
        add_seal(target, way)
# Where one page of two is nobody's, that one stays as it is as well.
for way in ('protect_rw', 'unmap', 'replace', 'cover', 'away', 'shm_remap'):
    for by in ('libc', 'inline'):
        # mremap(2) moves one mapping after the other, and stops at the first that is sealed
        add_seal('head', way, by, absent=ONE_BY_ONE if way == 'away' else None,
                 **{p: EXECUTED for p in ('default', 'strict')
                    if way == 'away' and (p, by) != ('strict', 'inline')})
# By every other way into the kernel. Calls that it refuses itself are not reported.
for target in ('text', 'relro', 'data', 'libc_text', 'ldso_relro', 'vdso'):
    for by in ('syscall', 'inline', 'gate', 'site'):
        for way in FEW_CHANGES:
            add_seal(target, way, by)
for place in PLACES:
    for by in ('libc', 'inline'):
        for target in ('text', 'relro'):
            for way in ('protect_none', 'unmap', 'replace'):
                add_seal(target, way, by, place)

# A function's address in the program's table of them, bound before it runs.
for way in ('protect', 'pkey', 'replace', 'move'):
    add(f'seal_got {way}', ['@seal_got', way], f'REFUSED {way} EPERM', f'REFUSED {way} EPERM',
        'seal.relro', unsealed('relro'), audit_logs=False)

# What the library lives by is sealed under any policy.
for target in ('cm_text', 'cm_relro', 'cm_data', 'cm_state', 'cm_list', 'gate', 'policy'):
    for by in ('libc', 'inline', 'gate'):
        for way in FEW_CHANGES + ('cover',):
            add_seal(target, way, by, extra=[LIBRARY], audit=f'REFUSED {way} EPERM')
# Under strict, and to log, it has tables.
for way in FEW_CHANGES + ('cover',):
    for by in ('libc', 'inline'):
        add_seal('cm_arena', way, by, default=SAME, audit=f'REFUSED {way} EPERM')

# Programs and images without the library: the supervisor has their own from their headers. Their
# RELRO is what they make of it themselves when they start, so rights may go.
DOWNGRADED = ('relro', 'protect_none')
for program in ('seal_change_static', 'seal_change_static_pie'):
    for target in OWN + ('vdso', 'vvar'):
        for way in FEW_CHANGES:
            if (target, way) != DOWNGRADED:
                add_seal(target, way, 'libc', program=program)
    add_seal('relro', 'protect_none', program=program, default=EXECUTED, strict=EXECUTED, off=None)
    for by in ('syscall', 'inline'):
        for target in ('text', 'relro'):
            for way in FEW_CHANGES[1:] + ('protect_rw', 'cover', 'shm_remap', 'guard'):
                add_seal(target, way, by, program=program,
                         off=off(ALL_UNSEALED) if way == 'shm_remap' else unsealed(target))
    for place in PLACES:
        for way in ('protect_none', 'unmap'):
            add_seal('text', way, 'inline', place, program)
UNPRELOADED = off('exec: { preload = false; };')
for target in OWN + ('vdso',):
    for way in FEW_CHANGES + ('protect_rw',) if target == 'relro' else FEW_CHANGES:
        no = EXECUTED if (target, way) == DOWNGRADED else f'REFUSED {way} EPERM'
        add_seal(target, way, 'inline', 'unpreloaded', default=SAME, strict=SAME,
                 policy=UNPRELOADED, ruled=no, rule=f'seal.{SEAL_KEYS[target]}',
                 off=f'{UNPRELOADED} seal: {{ {SEAL_KEYS[target]} = false; }};')
for way in FEW_CHANGES:
    for by in ('libc', 'inline'):
        add_seal('text', way, by, program='seal_change_fixed')

# What is in it: the kernel's seals let a part of that be discarded. The library's functions do not,
# and what comes past them goes by seal.discard, but for process_madvise(2).
for target in ('relro', 'data', 'bss', 'libc_relro'):
    for way in ANONYMOUS_DISCARDS if target == 'bss' else DISCARDS:
        for by in ('libc', 'syscall'):
            add_seal(target, way, by)
        for by in ('inline', 'gate'):
            add_seal(target, way, by, default=EXECUTED)
        # of what libc asks for itself, the common ones need not be looked at
        if way in ('dontneed', 'free'):
            add_seal(target, way, 'site', default=EXECUTED)
        else:
            # the library's to refuse, where the site is patched
            add_seal(target, way, 'site', default=SAME, policy=off(PATCH),
                     ruled=f'REFUSED {way} EPERM')
    for by in ('libc', 'syscall', 'inline'):
        add_seal(target, 'process', by, rule='seal.discard' if by != 'inline' else None,
                 off=off(ALL_UNSEALED))
    if target != 'libc_relro':
        for way in ('dontneed', 'guard'):
            add_seal(target, way, 'inline', program='seal_change_static_pie')
        add_seal(target, 'process', 'inline', program='seal_change_static_pie', rule='seal.discard',
                 off=off(ALL_UNSEALED))

# What a program seals itself, by which seals.
SEALS = {'prot': 1, 'unmap': 2, 'replace': 4, 'move': 8, 'discard': 16, 'downgrade': 32, 'all': 31}
TYPED = {'protect_r': 'prot', 'protect_none': 'prot', 'unmap': 'unmap', 'replace': 'replace',
         'cover': 'replace', 'shm_remap': 'replace', 'away': 'move', 'grow': 'move',
         'dontunmap': 'move', 'shrink': 'unmap move', 'dontneed': 'discard', 'free': 'discard',
         'guard': 'discard', 'wipeonfork': 'discard', 'dontfork': 'discard'}


def add_typed(target, way, forbidden, by='libc', **more):
    outcome = f'REFUSED {way} EPERM' if forbidden else EXECUTED
    add_seal(target, way, by, **{'default': outcome, 'strict': outcome, 'audit': outcome, **more})


def raw_is_denied(by):
    return {'strict': SAME} if by == 'inline' else {}


def reaching(way):
    """How long a segment is, the supervisor does not know: under strict it may touch anything."""
    return {'strict': ('REFUSED shm_remap EPERM', EXECUTED)} if way == 'shm_remap' else {}


for kind, bits in SEALS.items():
    for way, seal in TYPED.items():
        allowed = way in ('protect_r', 'protect_none', 'unmap') if kind == 'downgrade' \
            else kind not in seal.split() and kind != 'all'
        add_typed(f'sealed:{bits}', way, not allowed, **reaching(way))
for by in ('inline', 'gate'):
    for way in ('protect_r', 'unmap', 'replace', 'away'):
        add_typed('sealed:31', way, True, by)
    for bits in (1, 2, 4, 8):
        way = {1: 'protect_r', 2: 'unmap', 4: 'replace', 8: 'away'}[bits]
        add_typed(f'sealed:{bits}', way, by == 'inline', by)
for target in ('mseal', 'mimmutable'):
    for way, seal in TYPED.items():
        add_typed(target, way, seal != 'discard' or target == 'mimmutable')
for way in ('unmap', 'remove', 'replace'):
    add_typed('shared:31', way, True)
EITHER = ('REFUSED remap_pages ENOSYS', 'REFUSED remap_pages EPERM')
add_seal('shared:31', 'remap_pages', default=EITHER, strict=EITHER, audit=EITHER[1],
         policy=off('kernel: { remap_file_pages = "allow"; };'), ruled='REFUSED remap_pages EPERM')
for by in ('libc', 'inline'):
    # The kernel says yes and does nothing, where it is the kernel that seals.
    add_typed('shm:31', 'shmdt', True, by,
              **dict.fromkeys(('default', 'strict', 'audit'),
                              ('REFUSED shmdt EPERM', 'REFUSED shmdt EEXIST')))
    add_typed('shm:1', 'shmdt', False, by, **raw_is_denied(by))
    # What the kernel refuses has not happened.
    for way in ('feint_unmap', 'feint_map', 'feint_move'):
        add_typed('sealed:1', way, True, by)
    add_typed('constant:32', 'protect_rw', True, by)
    add_typed('constant:32', 'protect_none', False, by, **raw_is_denied(by))
for by in ('libc', 'inline'):
    # libc's function says yes as long as the break is not below what was asked for.
    refused = ('REFUSED brk ENOMEM', 'REFUSED brk EEXIST')
    add_seal('heap:31', 'brk', by, default=refused, strict=refused, audit=refused)

# What dlopen(3) brings, by seal.late.
LATE = '@libseal_late.so'
for target, extra, late in (('late', LATE, False), ('nodelete', LATE, True),
                            ('late', '@libseal_nodelete.so', True)):
    for piece in ('text', 'relro', 'data'):
        for way in ('protect_none', 'unmap', 'replace', 'away'):
            name = f'{target}_{piece}'
            refused = f'REFUSED {way} EPERM'
            # Where the loader is patched, and so tells the moment, whatever it was built to be.
            for profile, sealed in (('default', late), ('strict', True)):
                add_seal(name, way, extra=[extra],
                         default=SAME, strict=SAME, policy=off(PATCH, profile=profile),
                         ruled=refused if sealed else EXECUTED,
                         rule=('seal.late', 'foreign.', 'fixed.'),
                         off=off(PATCH, 'seal: { late = "never"; };') if sealed else None)

# On a kernel without mseal(2) the library and the supervisor refuse what they see. What comes by
# the gate goes to the supervisor where programs are loaded, and where the gate's neighbours are.
for target in ('text', 'relro', 'data', 'libc_text', 'libc_relro', 'ldso_relro', 'vdso'):
    for by in ('libc', 'syscall', 'inline'):
        for way in FEW_CHANGES + (('shrink', 'cover', 'guard') if target == 'text' else ()):
            add_seal(target, way, by, under=NO_MSEAL)
for target in ('text', 'relro', 'data'):
    for by in ('gate', 'site'):
        for way in FEW_CHANGES:
            for program in ('seal_change', 'seal_change_fixed'):
                add_seal(target, way, by, program=program, under=NO_MSEAL, rule=None)
for target in ('libc_text', 'ldso_relro', 'vdso'):
    for way in ('protect_none', 'unmap'):
        add_seal(target, way, 'gate', under=NO_MSEAL, default=EXECUTED, strict=EXECUTED, off=None)
for target in ('cm_text', 'cm_relro', 'cm_data', 'cm_state', 'cm_list', 'gate', 'policy'):
    for by in ('libc', 'inline') + (() if target.startswith('cm_') else ('gate',)):
        for way in FEW_CHANGES:
            add_seal(target, way, by, extra=[LIBRARY], under=NO_MSEAL,
                     audit=f'REFUSED {way} EPERM')
for program in ('seal_change_static', 'seal_change_static_pie'):
    for target in OWN + ('vdso',):
        for way in FEW_CHANGES:
            if (target, way) != DOWNGRADED:
                add_seal(target, way, 'inline', program=program, under=NO_MSEAL)
for place in PLACES + ('unpreloaded',):
    for by in ('libc', 'inline'):
        add_seal('text', 'unmap', by, place, under=NO_MSEAL)
    if place != 'unpreloaded':
        add_typed('sealed:31', 'unmap', True, 'inline', place=place, under=NO_MSEAL)
for by in ('libc', 'inline'):
    for way in ('protect_r', 'unmap', 'replace', 'away', 'dontneed'):
        add_typed('sealed:31', way, True, by, under=NO_MSEAL)
    for way in ('feint_unmap', 'feint_map', 'feint_move'):
        add_typed('sealed:1', way, True, by, under=NO_MSEAL)
    for way in ('unmap_byte', 'protect_byte'):
        add_seal('text', way, by, under=NO_MSEAL)
    for way in ('protect_rw', 'unmap', 'replace', 'cover', 'away'):
        add_seal('head', way, by, under=NO_MSEAL,
                 absent=ONE_BY_ONE if way == 'away' else None)
