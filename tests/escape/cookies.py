#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Attacks on cookies, and what each must come to: rows as in table.py, run as by run.py.

    cookies.py PROGRAMS CMRUN [NAME-PART...]

The programs are linked with libcookiemap. What that keeps by itself is refused natively as well:
the twin of such a row is another, which does the same without a cookie, or with one that is not
bounded. What the interposer alone keeps succeeds natively, and where foreign.* is "log".
"""

import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import run      # noqa: E402
import tap      # noqa: E402
from table import EXECUTED, KILLED, PATCH, SAME, WX_OFF  # noqa: E402
from table import OLD_PROCESS, Absent, Row, kernel_is, no_root, off  # noqa: E402

WORDS = ('replace', 'unmap', 'protect')


def foreign(verdict):
    return off('foreign: {' + ''.join(f' {word} = "{verdict}";' for word in WORDS) + ' };')


LOG = foreign('log')
FOREIGN = 'foreign.'
LATE = '@libseal_late.so'
NO_MSEAL = Absent(lambda: not kernel_is(6, 10), EXECUTED, 'before Linux 6.10')

ROWS = []


def add(*args, **named):
    ROWS.append(Row(*args, **named))


def add_kept(name, argv, word, twin=None, **more):
    """What the library keeps, and nothing else: the same everywhere. The twin succeeds."""
    add(name, argv, **{'default': word, 'strict': word, 'native': word, 'audit': word, **more})
    if twin:
        add(' '.join([name, '(twin)']), twin, SAME, SAME)


# --- values that are no cookies -------------------------------------------------------------------

NO_COOKIE = 'REFUSED reach EBADF'

for how in ('flip', 'next', 'guess', 'stale'):
    add_kept(f'cookie_forge {how}', ['@cookie_forge', how, 'cookie'], NO_COOKIE,
             ['@cookie_forge', how, 'pointer'])
for how in ('up', 'down', 'sibling', 'exec', 'stranger'):
    add_kept(f'cookie_other {how}', ['@cookie_other', how, 'cookie'], NO_COOKIE,
             ['@cookie_other', how, 'pointer'])
for how in ('spoil', 'peek'):
    add_kept(f'cookie_race {how}', ['@cookie_race', how, 'cookie'], NO_COOKIE,
             ['@cookie_race', how, 'pointer'])
# Who unmaps addresses of an area by themselves unmaps nothing there.
add('cookie_race open', ['@cookie_race', 'open', 'cookie'], NO_COOKIE, NO_COOKIE, None,
    audit=NO_COOKIE)
# A limit: elsewhere that call is looked at before there is a region, and made after.
add('cookie_race exact', ['@cookie_race', 'exact', 'cookie'], (EXECUTED, NO_COOKIE),
    (EXECUTED, NO_COOKIE), audit=(EXECUTED, NO_COOKIE))

# --- more than a cookie is for --------------------------------------------------------------------

for how, word in (('operations', 'operation EPERM'), ('allowance', 'cmgetcap EACCES'),
                  ('protect', 'cmprotect EACCES'), ('getcap', 'cmgetcap EACCES'),
                  ('submap', 'cmsubmap EACCES'), ('refill', 'cmsubmap EACCES'),
                  ('submap_max', 'cmprotect EACCES'), ('submap_request', 'cmprotect EACCES'),
                  ('request', 'cmmmap EINVAL'), ('fixed', 'cmmmap EINVAL'),
                  ('exact', 'cmmmap EEXIST'), ('submap_hint', 'cmsubmap EINVAL'),
                  ('descriptor', 'open ENOENT'), ('seal_prot', 'cmprotect EPERM'),
                  ('seal_discard', 'cmadvise EPERM'), ('seal_unmap', 'cmunmap EPERM'),
                  ('seal_replace', 'cmsubmap EPERM'), ('seal_close', 'cmclose EPERM'),
                  ('seal_revoke', 'cmrevoke EPERM'), ('seal_refill', 'cmsubmap EPERM'),
                  ('seal_zero', 'cminherit EPERM'), ('seal_wider', 'cmprotect EPERM')):
    add_kept(f'cookie_widen {how}', ['@cookie_widen', how, 'bounded'], f'REFUSED {word}',
             ['@cookie_widen', how, 'free'])
# Limits: a seal of the protection alone says nothing of what else is put there; and root can open
# what is mapped.
add_kept('cookie_widen seal_place', ['@cookie_widen', 'seal_place', 'bounded'], EXECUTED)
add_kept('cookie_widen map_files', ['@cookie_widen', 'map_files', 'bounded'], EXECUTED,
         absent=Absent(no_root, 'REFUSED open EPERM', 'not root'))

add_kept('cookie_offset', ['@cookie_offset', 'cookie'], 'REFUSED outside ERANGE',
         ['@cookie_offset', 'pointer'])

# --- fork children --------------------------------------------------------------------------------

add_kept('cookie_fork reach', ['@cookie_fork', 'reach', 'cookie'], 'REFUSED read EFAULT',
         ['@cookie_fork', 'reach', 'copy'])
add_kept('cookie_fork clobber', ['@cookie_fork', 'clobber', 'cookie'], 'REFUSED cmclose EBADF',
         ['@cookie_fork', 'clobber', 'copy'])
# What must go on working: the child's own memory there is its own.
add_kept('cookie_fork silent', ['@cookie_fork', 'silent', 'cookie'], EXECUTED)
add_kept('cookie_fork silent, inherited', ['@cookie_fork', 'silent', 'copy'], 'REFUSED mmap EEXIST')
# Where it is logged and made, the cookie knows.
add('cookie_fork dontfork', ['@cookie_fork', 'dontfork', 'copy'], 'REFUSED madvise EPERM',
    'REFUSED madvise EPERM', 'foreign.protect', audit='REFUSED cmclose EBADF')

# --- the addresses that a cookie holds ------------------------------------------------------------

SPACE = {'noreplace': 'mmap EEXIST', 'hint': 'mmap EEXIST', 'attach': 'shmat EINVAL',
         'grow': 'mremap ENOMEM', 'stack': 'stack EFAULT', 'storm': 'storm EEXIST'}

for way, word in SPACE.items():
    for target in ('reserve', 'hole', 'noreuse'):
        add_kept(f'cookie_space {way} {target}', ['@cookie_space', way, target, LATE],
                 f'REFUSED {word}')
    add(f'cookie_space {way} free', ['@cookie_space', way, 'free', LATE], SAME, SAME)
# What was closed in an area is nobody's; the interposer keeps others out.
for way in ('noreplace', 'hint', 'attach'):
    word = f'REFUSED {SPACE[way]}'
    add(f'cookie_space {way} gone', ['@cookie_space', way, 'gone'], word, word, audit=word)
add_kept('cookie_space storm gone', ['@cookie_space', 'storm', 'gone', LATE],
         'REFUSED storm EEXIST')
add_kept('cookie_space heap', ['@cookie_space', 'heap', 'reserve'], 'REFUSED sbrk ENOMEM',
         ['@cookie_space', 'heap', 'free'])
add('cookie_space heap_hole', ['@cookie_space', 'heap_hole', 'reserve'], 'REFUSED brk ENOMEM',
    'REFUSED brk ENOMEM', audit='REFUSED brk ENOMEM')

# --- past the cookie ------------------------------------------------------------------------------

CHANGES = ('protect_rw', 'protect_none', 'pkey', 'unmap', 'replace', 'replace_file', 'grow',
           'shrink', 'away', 'cover', 'dontunmap', 'shm_remap', 'dontfork', 'wipeonfork')
FEW = ('protect_none', 'unmap', 'replace', 'away')
EMPTY = ('protect_rw', 'replace', 'away', 'cover', 'shm_remap')
KEYS = {'replace': 'replace', 'replace_file': 'replace', 'cover': 'replace', 'shm_remap': 'replace',
        'huge': 'replace', 'huge_move': 'replace', 'unmap': 'unmap', 'unmap_byte': 'unmap',
        'grow': 'unmap', 'shrink': 'unmap', 'away': 'unmap', 'dontunmap': 'unmap'}


def add_change(target, way, by='libc', place='main', **more):
    """Refused with EPERM by one key, and made where that logs."""
    refused = f'REFUSED {way} EPERM'
    row = dict(default=refused, strict=refused, rule=FOREIGN + KEYS.get(way, 'protect'), off=LOG)
    row.update(more)
    add(f'cookie_change {place} {by} {target} {way}', ['@cookie_change', place, by, target, way],
        **row)


for target in ('anon', 'shared', 'exact', 'alias', 'view', 'file'):
    for way in CHANGES if target in ('anon', 'view') else FEW + ('pkey', 'cover', 'shrink'):
        if (target, way) != ('view', 'wipeonfork'):     # private memory's only
            add_change(target, way)
for target in ('shared', 'alias', 'view', 'file'):
    add_change(target, 'second')
for target in ('reserve', 'hole'):
    for way in EMPTY:
        add_change(target, way)
    # made, the pages go back to the reservation that they were
    add_change(target, 'unmap', audit='REFUSED unmap EEXIST', off=None)
# What begins in a page that is no cookie's, and what is longer than it says.
for way in ('protect_none', 'unmap', 'replace', 'cover', 'shm_remap'):
    add_change('span', way)
for way in ('unmap_byte', 'protect_byte'):
    add_change('anon', way)
for way in ('huge', 'huge_move'):
    add_change('aligned', way)
for way in ('replace', 'cover', 'shm_remap'):
    add_change('gone', way)
add_change('gone', 'attach', default='REFUSED attach EINVAL', strict='REFUSED attach EINVAL',
           audit='REFUSED attach EINVAL', rule=None, off=None)
# Kept by a seal of the kernel's, for ever.
for way in EMPTY + ('unmap',):
    for by in ('libc', 'inline', 'gate'):
        add_kept(f'cookie_change main {by} noreuse {way}',
                 ['@cookie_change', 'main', by, 'noreuse', way], f'REFUSED {way} EPERM',
                 absent=NO_MSEAL)
    add(f'cookie_change main libc plain {way} (twin)',
        ['@cookie_change', 'main', 'libc', 'plain', way], SAME, SAME)
add_change('file', 'remap_pages', policy=off('kernel: { remap_file_pages = "allow"; };'),
           ruled='REFUSED remap_pages EPERM', default='REFUSED remap_pages EPERM',
           strict=('REFUSED remap_pages EPERM', 'REFUSED remap_pages ENOSYS'),
           rule=(FOREIGN, 'kernel.'), audit_logs=False,
           off=off('kernel: { remap_file_pages = "allow"; };', 'foreign: { replace = "log"; };'))

# By other ways into the kernel: libc's own calls take the gate by the library. Those of nobody's
# are not held to cookies, a limit; strict has another reason.
for way in FEW:
    for by in ('syscall', 'site'):
        for target in ('anon', 'reserve') if way in ('replace', 'away') else ('anon',):
            # Where libc is patched, whatever it was built to be.
            site = dict(policy=off(PATCH), ruled=f'REFUSED {way} EPERM', default=SAME, strict=SAME,
                        audit_logs=False, off=LOG + f' {PATCH}')
            add_change(target, way, by, **(site if by == 'site' else {}))
    add_change('anon', way, 'inline', default=EXECUTED, rule=': raw (', off=None)
    add_change('anon', way, 'gate', default=EXECUTED, strict=EXECUTED, rule=None, off=None)

# Sealed past its cookie, which could not close it any more.
add_change('anon', 'seal', 'syscall', absent=Absent(lambda: not kernel_is(6, 10),
                                                    'REFUSED seal ENOSYS', 'before Linux 6.10'))

# By malloc(3), of which libc makes these calls for itself.
for way, key in (('free', 'unmap'), ('realloc', 'unmap')):
    for target in ('anon', 'exact', 'shared'):
        add_change(target, way, default=SAME, strict=SAME, policy=off(PATCH), audit_logs=False,
                   ruled=(f'REFUSED {way} EPERM', f'REFUSED {way} EEXIST'), off=LOG + f' {PATCH}',
                   rule=f'foreign.{key}')

# From everywhere. Who has interrupted a call that is made by a cookie, on the same thread, cannot
# wait for it to end: that is refused where it would be logged.
for place in ('thread', 'fork', 'vfork', 'clone_vm', 'signal', 'orphan', 'beside'):
    for way in ('protect_none', 'unmap', 'replace'):
        add_change('anon', way, place=place)
for way in ('protect_none', 'unmap', 'replace'):
    add_change('anon', way, place='inside', audit=f'REFUSED {way} EPERM', audit_logs=False,
               off=None)

# No word opens a region.
for verdict, word in (('allow', 'REFUSED {} EPERM'), ('deny', 'REFUSED {} EPERM'),
                      ('kill', KILLED)):
    for way in ('protect_none', 'unmap', 'replace'):
        add_change('anon', way, default=SAME, strict=SAME, off=None, policy=foreign(verdict),
                   ruled=word.format(way))

# What it holds, only where it is sealed: by the library past the gate, by the gate under strict.
for by in ('libc', 'syscall', 'inline', 'gate'):
    refused = 'REFUSED dontneed EPERM'
    add_change('discard', 'dontneed', by, rule=None, off=None,
               default=EXECUTED if by == 'gate' else refused,
               audit=EXECUTED if by == 'gate' else refused)
add_change('anon', 'dontneed', default=EXECUTED, strict=EXECUTED, rule=None, off=None)

# Also where the lock cannot be had.
for place in ('inside', 'beside'):
    for target, way in (('discard', 'dontneed'), ('view', 'unmap'), ('reserve', 'replace'),
                        ('gone', 'replace'), ('shared', 'second')):
        row = {}
        if way == 'dontneed':
            row = dict(rule=None, off=None, audit='REFUSED dontneed EPERM')
        elif place == 'inside':
            row = dict(off=None, audit=f'REFUSED {way} EPERM', audit_logs=False)
        add_change(target, way, place=place, **row)
add_change('discard', 'process', rule='seal.', off=None, audit='REFUSED process EPERM',
           audit_logs=False,
           absent=OLD_PROCESS)

# A copy of libcookiemap that is loaded late is served as well; but for one beside a libc of its
# own, which is alone with its cookies: a limit, strict has another reason.
CORE = '@../../cookie/libcookiemap.so.0'
for how in ('dlopen', 'deepbind'):
    add(f'cookie_load {how}', ['@cookie_load', how, CORE], 'REFUSED munmap EPERM',
        'REFUSED munmap EPERM', 'foreign.unmap', LOG)
add('cookie_load dlmopen', ['@cookie_load', 'dlmopen', CORE], EXECUTED, 'REFUSED cmmmap 0',
    ': raw (')

# --- code -----------------------------------------------------------------------------------------

# The interface is no way around wx; an object that may be executed is named by the policy.
NAMED = off('wx: { file_allow = [ "memfd:generated" ]; };', profile='strict')
for how, step, key in (('toggle', 'cmprotect', 'transition'), ('submap', 'cmsubmap', 'map'),
                       ('getcap', 'cmgetcap', 'transition'), ('alias', 'cmmmap', 'file'),
                       ('named', 'cmmmap', 'file'), ('memfd', 'cmmmap', 'file'),
                       ('refile', 'cmsubmap', 'file')):
    word = 'any' if key == 'file' else 'allow'
    refused = f'REFUSED {step} EACCES'
    add(f'cookie_code {how}', ['@cookie_code', how], refused, refused, f'wx.{key}',
        WX_OFF if how == 'getcap' else off(f'wx: {{ {key} = "{word}"; }};'), policy=NAMED,
        ruled=EXECUTED if how == 'named' else refused)
add('cookie_code both', ['@cookie_code', 'both'], 'REFUSED mprotect EPERM',
    'REFUSED mprotect EPERM', 'foreign.protect', f'{WX_OFF} foreign: {{ protect = "log"; }};')
add('cookie_code both, logged', ['@cookie_code', 'both'], SAME, SAME, 'wx.', policy=LOG,
    ruled='REFUSED mprotect EACCES', audit_logs=False)

# --- a library, and what is known of what was made ------------------------------------------------

# A library that does so, and one that may be seen to.
for way in WORDS:
    add(f'cookie_caller {way}', ['@cookie_caller', way], f'REFUSED {way} EPERM',
        f'REFUSED {way} EPERM', 'libcookie_library.so+0x',
        off('modules = ( { name = "libcookie_library.so"; foreign: { '
            f'{way} = "log"; }}; }} );'))
    change = 'protect_none' if way == 'protect' else way
    add(f'cookie_caller {way}, of another', ['@cookie_change', 'main', 'libc', 'anon', change],
        SAME, SAME, '/cookie_change+0x',
        policy=off('modules = ( { name = "libcookie_library.so"; foreign: { '
                   f'{way} = "log"; }}; }} );'),
        ruled=f'REFUSED {change} EPERM')

# What is logged and made is known to the cookie, which does no harm by it; another view stays.
for way, step, then in (('unmap', 'munmap', 'mmap'), ('replace', 'replace', 'cmclose'),
                        ('move', 'mremap', 'cmclose'), ('protect', 'mprotect', 'cmstat'),
                        ('second', 'mremap', None)):
    made = f'REFUSED {then} EEXIST' if then else EXECUTED
    add(f'cookie_logged {way}', ['@cookie_logged', way], f'REFUSED {step} EPERM',
        f'REFUSED {step} EPERM', FOREIGN, audit=made, policy=LOG, ruled=made)


def main(argv):
    if len(argv) < 3:
        tap.fail_usage(__doc__)
    cmrun = None if argv[2] == 'none' else str(pathlib.Path(argv[2]).resolve())
    t = tap.Tap()
    place = run.Place(argv[1])
    try:
        for row in ROWS:
            if not argv[3:] or any(part in row.name for part in argv[3:]):
                run.run_row(t, place, cmrun, row)
    finally:
        shutil.rmtree(place.path, ignore_errors=True)
        shutil.rmtree(place.memory, ignore_errors=True)
    return t.done()


if __name__ == '__main__':
    sys.exit(main(sys.argv))
