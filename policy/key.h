/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Every key a policy file may hold, in one list; the reader, the compiled form, the evaluator,
 * cmpolicy and the manual's test all come from it.
 *
 *   X(ID, "name", TYPE, default, strict, audit)
 *
 * TYPE says which words the reader takes (policy/read.c); the three values are the profiles' words,
 * written as a policy file would. A key whose type is LATER is documented, but this version does
 * not honour it: naming it in a file is an error that says so, and it has no value. CM_PATCH is the
 * build's word (meson_options.txt).
 */

#define POLICY_KEYS(X)                                                                      \
	X(WX_MAP, "wx.map", FLIP_VERDICT, "deny", "deny", "log")                            \
	X(WX_TRANSITION, "wx.transition", FLIP_VERDICT, "deny", "deny", "log")              \
	X(WX_JIT, "wx.jit", LIST, "", "", "") /* default: policy/jit.policy */              \
	X(WX_FILE, "wx.file", FILE_CLASS, "nomemfd", "settled", "any")                      \
	X(WX_FILE_ALLOW, "wx.file_allow", LIST, "", "", "")                                 \
	X(WX_WRITERS, "wx.writers", WRITERS, "any", "module", "any")                        \
	X(WX_INSPECT, "wx.inspect", INSPECT_VERDICT, "allow", "log", "log")                 \
	X(WX_FREEZE, "wx.freeze", LATER, "", "", "")                                        \
	X(SEAL_TEXT, "seal.text", BOOL, "true", "true", "false")                            \
	X(SEAL_RELRO, "seal.relro", BOOL, "true", "true", "false")                          \
	X(SEAL_DATA, "seal.data", BOOL, "true", "true", "false")                            \
	X(SEAL_VDSO, "seal.vdso", BOOL, "true", "true", "false")                            \
	X(SEAL_LATE, "seal.late", SEAL_LATE, "nodelete", "always", "never")                 \
	X(SEAL_DISCARD, "seal.discard", SEAL_DISCARD, "gate", "notify", "gate")             \
	X(FOREIGN_REPLACE, "foreign.replace", VERDICT, "allow", "deny", "log")              \
	X(FOREIGN_UNMAP, "foreign.unmap", VERDICT, "allow", "deny", "log")                  \
	X(FOREIGN_PROTECT, "foreign.protect", VERDICT, "allow", "deny", "log")              \
	X(FIXED_REPLACE, "fixed.replace", VERDICT, "allow", "deny", "log")                  \
	X(REUSE_QUARANTINE, "reuse.quarantine", SIZE, "0", "64M", "0")                      \
	X(RESERVE_ROUND, "reserve.round", SIZE, "0", "0", "0")                              \
	X(RESERVE_SUPERPAGE, "reserve.superpage", SIZE, "0", "0", "0")                      \
	X(SHARE_ANONYMOUS, "share.anonymous", LATER, "", "", "")                            \
	X(SHARE_OBJECT, "share.object", LATER, "", "", "")                                  \
	X(SHARE_FORK, "share.fork", LATER, "", "", "")                                      \
	X(SHARE_INTEND, "share.intend", LATER, "", "", "")                                  \
	X(NOFAULT_MAP, "nofault.map", LATER, "", "", "")                                    \
	X(NOFAULT_ON, "nofault.on", LATER, "", "", "")                                      \
	X(RAW, "raw", RAW_VERDICT, "police", "deny", "log")                                 \
	X(K_IO_URING, "kernel.io_uring", VERDICT, "deny", "deny", "log")                    \
	X(K_USERFAULTFD, "kernel.userfaultfd", VERDICT, "deny", "deny", "log")              \
	X(K_PERSONALITY, "kernel.personality", VERDICT, "deny", "deny", "log")              \
	X(K_REMAP_FILE_PAGES, "kernel.remap_file_pages", VERDICT, "deny", "deny", "log")    \
	X(K_PRCTL_MM, "kernel.prctl_mm", VERDICT, "deny", "deny", "log")                    \
	X(K_MAP_VDSO, "kernel.map_vdso", VERDICT, "deny", "deny", "log")                    \
	X(K_MODIFY_LDT, "kernel.modify_ldt", VERDICT, "deny", "deny", "log")                \
	X(K_AIO, "kernel.aio", VERDICT, "allow", "deny", "log")                             \
	X(K_PERF_EVENT, "kernel.perf_event", VERDICT, "allow", "deny", "log")               \
	X(K_BPF, "kernel.bpf", VERDICT, "allow", "deny", "log")                             \
	X(K_COMPAT, "kernel.compat", COMPAT_VERDICT, "deny", "kill", "log")                 \
	X(K_PTRACE, "kernel.ptrace", VERDICT, "allow", "deny", "log")                       \
	X(K_PROCESS_VM_WRITEV, "kernel.process_vm_writev", VERDICT, "allow", "deny", "log") \
	X(K_PROC_MEM, "kernel.proc_mem", PROC_MEM, "allow", "landlock", "allow")            \
	X(K_MDWE, "kernel.mdwe", BOOL, "false", "true", "false")                            \
	X(K_SUPERVISOR, "kernel.supervisor", BOOL, "false", "true", "false")                \
	X(EXEC_POLICY, "exec.policy", EXEC_POLICY, "own", "narrow", "own")                  \
	X(EXEC_VERIFY, "exec.verify", EXEC_VERIFY, "first", "stop", "first")                \
	X(EXEC_PRELOAD, "exec.preload", BOOL, "true", "true", "true")                       \
	X(INTERPOSE_PATCH, "interpose.patch", BOOL, CM_PATCH, CM_PATCH, CM_PATCH)           \
	X(REPORT_TO, "report.to", STRING, "stderr", "stderr", "stderr")                     \
	X(REPORT_FORMAT, "report.format", REPORT_FORMAT, "text", "text", "text")

enum policy_key {
#define X(ID, name, type, d, s, a) KEY_##ID,
	POLICY_KEYS(X)
#undef X
		KEY_N,
	KEY_NONE = KEY_N /* no rule: the call was allowed without one */
};

/* The words of each type, loosest first: a larger number is never looser. */
enum policy_verdict { V_ALLOW, V_LOG, V_FLIP, V_DENY, V_KILL };
enum policy_raw { RAW_POLICE, RAW_LOG, RAW_DENY, RAW_KILL };
enum policy_writers { WRITERS_ANY, WRITERS_MODULE, WRITERS_NONE };
enum policy_file_class { FILE_ANY, FILE_NOMEMFD, FILE_SETTLED, FILE_TRUSTED };
enum policy_proc_mem { PROC_MEM_ALLOW, PROC_MEM_LANDLOCK };
enum policy_exec { EXEC_OWN, EXEC_NARROW, EXEC_INHERIT };
enum policy_exec_verify { VERIFY_FIRST, VERIFY_STOP };
enum policy_seal_late { LATE_NEVER, LATE_NODELETE, LATE_ALWAYS };
enum policy_seal_discard { DISCARD_GATE, DISCARD_NOTIFY };
enum policy_report_format { REPORT_TEXT, REPORT_JSON };
