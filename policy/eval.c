/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/eval.h"

#include <errno.h>
#include "policy/blob.h"
#include "policy/type.h"

/*
 * What a policy says about a call. The same evaluator serves the program, from inside, and its
 * supervisor, so that the two cannot differ; each brings the facts that it can know.
 *
 * A call may do several things at once (map over another's memory, executable, from a memfd). Each
 * is a deed, ruled by one key; the tightest verdict is the call's, and among equals the first in
 * the order of the deeds.
 *
 * The blob is read in place; policy_open() has checked all of it.
 *
 * Context: anywhere: signal handlers, vfork children, before constructors. Freestanding: no libc,
 * no allocation, no lock, no errno.
 */

/* Fixed width instead of pointers: nothing for the dynamic linker to relocate. */
static const char key_names[][32] = {
#define X(ID, name, type, d, s, a) name,
	POLICY_KEYS(X)
#undef X
};

static const struct blob_header *head(const struct policy *p)
{
	return (const struct blob_header *)p->blob;
}

/*
 * The name of a key as files write it. Return: "none" for what is no key.
 *
 * Context: anywhere.
 */
const char *policy_key_name(enum policy_key key)
{
	return (unsigned)key < KEY_N ? key_names[key] : "none";
}

/*
 * What the policy is called: a profile's name, that of a file without ".policy", or several joined
 * by '+' where one was narrowed by another.
 *
 * Context: anywhere.
 */
const char *policy_name(const struct policy *p)
{
	return blob_string(head(p), head(p)->name);
}

/*
 * The value of a key, regardless of modules: the number of its word (policy/key.h), 0 or 1 for a
 * bool, the number of entries of a list, the bytes of a size, 0 for a string and for what is no
 * key.
 *
 * Context: anywhere.
 */
uint64_t policy_value(const struct policy *p, enum policy_key key)
{
	const struct blob_value *v;

	if ((unsigned)key >= KEY_N)
		return 0;
	v = &blob_values(head(p))[key];
	switch (policy_key_type(key)) {
	case TYPE_LIST:
		return v->count;
	case TYPE_STRING:
		return 0;
	case TYPE_SIZE:
		return v->word * SIZE_UNIT_BYTES;
	default:
		return v->word;
	}
}

/* How many modules the policy has words of their own for. Context: anywhere. */
unsigned policy_modules(const struct policy *p)
{
	return head(p)->n_modules;
}

/*
 * The tightest value that a key has for any caller, modules included. 0 (allow) means that no call
 * need be asked about.
 *
 * Context: anywhere.
 */
uint64_t policy_tightest(const struct policy *p, enum policy_key key)
{
	const struct blob_override *o = blob_overrides(head(p));
	uint64_t tightest = policy_value(p, key);

	for (uint32_t i = 0; i < head(p)->n_overrides; i++)
		if (o[i].key == (uint32_t)key && o[i].word > tightest)
			tightest = o[i].word;
	return tightest;
}

/*
 * The value of a key of type STRING. Return: NULL for a key of another type.
 *
 * Context: anywhere.
 */
const char *policy_string(const struct policy *p, enum policy_key key)
{
	if (policy_key_type(key) != TYPE_STRING)
		return NULL;
	return blob_string(head(p), blob_values(head(p))[key].word);
}

/*
 * Where a key's value was written: the path of a file, or the name of a built-in profile with line
 * 0. The string lives as long as the blob.
 *
 * Context: anywhere.
 * Return: true and both written; false for what has no value.
 */
bool policy_source(const struct policy *p, enum policy_key key, const char **filep, unsigned *linep)
{
	const struct blob_source *at;

	if (policy_key_type(key) == TYPE_LATER)
		return false;
	at = &blob_values(head(p))[key].at;
	*filep = blob_string(head(p), at->file);
	*linep = at->line;
	return true;
}

/*
 * Whether a pattern means a name. One without '/' means the last component of a path; a name that
 * is no path ("memfd:…", whose rest the program chose) is taken whole.
 */
static bool names(const char *pattern, const char *name)
{
	const char *last = name;
	bool whole = *name != '/';

	for (const char *c = pattern; *c; c++)
		whole |= *c == '/';
	if (whole)
		return glob_match(pattern, name);
	for (const char *c = name; *c; c++)
		if (*c == '/')
			last = c + 1;
	return glob_match(pattern, last);
}

/*
 * Whether a name (a full path, or "memfd:NAME") is admitted by a key of type LIST. A pattern
 * without '/' is held against the last component of a path.
 *
 * Context: anywhere.
 * Return: false also for a key of another type.
 */
bool policy_listed(const struct policy *p, enum policy_key key, const char *name)
{
	const struct blob_header *h = head(p);
	const struct blob_value *v;

	if (policy_key_type(key) != TYPE_LIST)
		return false;
	v = &blob_values(h)[key];
	for (uint32_t i = 0; i < v->count; i++)
		if (names(blob_string(h, blob_items(h)[v->word + i].text), name))
			return true;
	return false;
}

static const struct blob_override *module_find(const struct blob_header *h,
					       const struct blob_module *m, enum policy_key key)
{
	const struct blob_override *o = blob_overrides(h) + m->first;

	for (uint32_t i = 0; i < m->count; i++)
		if (o[i].key == (uint32_t)key)
			return &o[i];
	return NULL;
}

static void rule_set(struct policy_ruling *r, const struct policy *p, enum policy_key key,
		     enum policy_verdict verdict, const struct blob_source *at)
{
	r->verdict = verdict;
	r->rule = key;
	r->file = blob_string(head(p), at->file);
	r->line = at->line;
}

/* The verdict of a key for a caller: of the first module that matches and sets it (they are sorted
 * by how specific they are), or else the policy's. */
static void rule_key(const struct policy *p, enum policy_key key, const char *caller,
		     struct policy_ruling *r)
{
	const struct blob_header *h = head(p);
	const struct blob_value *v = &blob_values(h)[key];

	for (uint32_t i = 0; caller && i < h->n_modules; i++) {
		const struct blob_module *m = &blob_modules(h)[i];
		const struct blob_override *o = module_find(h, m, key);

		if (o && names(blob_string(h, m->pattern), caller)) {
			rule_set(r, p, key, (enum policy_verdict)o->word, &o->at);
			return;
		}
	}
	rule_set(r, p, key, (enum policy_verdict)v->word, &v->at);
}

/*
 * The word of a key for one module (its path; NULL: of no known file): what the first module that
 * matches sets, or else the policy's own.
 *
 * Context: anywhere.
 */
uint64_t policy_value_for(const struct policy *p, enum policy_key key, const char *module)
{
	struct policy_ruling r;

	if (!policy_key_overridable(key))
		return policy_value(p, key);
	rule_key(p, key, module, &r);
	return (uint64_t)r.verdict;
}

/* A request for new code: refused, unless it is a listed module's, which flip serves. */
static void rule_code(const struct policy *p, enum policy_key key, const struct policy_ask *ask,
		      struct policy_ruling *r)
{
	rule_key(p, key, ask->caller, r);
	if (r->verdict < V_DENY || !ask->jit_image || !policy_value(p, KEY_WX_JIT))
		return;
	if (!ask->caller || policy_listed(p, KEY_WX_JIT, ask->caller))
		rule_set(r, p, KEY_WX_JIT, V_FLIP, &blob_values(head(p))[KEY_WX_JIT].at);
}

static bool file_passes(const struct policy *p, const struct policy_file *file)
{
	enum policy_file_class class = (enum policy_file_class)policy_value(p, KEY_WX_FILE);

	if (class == FILE_ANY)
		return true;
	if (!file)
		return false; /* nobody knows what it is */
	if (file->name && policy_listed(p, KEY_WX_FILE_ALLOW, file->name))
		return true;
	if (class == FILE_NOMEMFD)
		return !file->memfd;
	if (class == FILE_SETTLED)
		return !file->memfd && file->settled;
	return !file->memfd && file->settled && file->trusted;
}

static void rule_file(const struct policy *p, const struct policy_file *file,
		      struct policy_ruling *r)
{
	rule_set(r, p, KEY_WX_FILE, file_passes(p, file) ? V_ALLOW : V_DENY,
		 &blob_values(head(p))[KEY_WX_FILE].at);
}

static void rule_raw(const struct policy *p, struct policy_ruling *r)
{
	static const uint8_t verdicts[] = {
		[RAW_POLICE] = V_ALLOW,
		[RAW_LOG] = V_LOG,
		[RAW_DENY] = V_DENY,
		[RAW_KILL] = V_KILL,
	};

	rule_set(r, p, KEY_RAW, (enum policy_verdict)verdicts[policy_value(p, KEY_RAW)],
		 &blob_values(head(p))[KEY_RAW].at);
}

/* What a program sealed itself is by no key: refused as well, and nobody's rule. */
static void rule_sealed(const struct policy *p, enum policy_key key, struct policy_ruling *r)
{
	bool known = key >= KEY_SEAL_TEXT && key <= KEY_SEAL_DISCARD;

	rule_set(r, p, known ? key : KEY_NONE, V_DENY,
		 &blob_values(head(p))[known ? key : KEY_SEAL_TEXT].at);
}

static bool is_kernel_verdict(enum policy_key key)
{
	enum policy_type type = policy_key_type(key);

	return key >= KEY_K_IO_URING && (type == TYPE_VERDICT || type == TYPE_COMPAT_VERDICT);
}

/* A key that holds no verdict on a kernel interface cannot grant one. */
static void rule_kernel(const struct policy *p, enum policy_key key, struct policy_ruling *r)
{
	if (is_kernel_verdict(key))
		rule_key(p, key, NULL, r);
	else
		rule_set(r, p, KEY_NONE, V_DENY, &blob_values(head(p))[KEY_RAW].at);
}

static void rule_deed(const struct policy *p, const struct policy_ask *ask, unsigned deed,
		      struct policy_ruling *r)
{
	switch (deed) {
	case DEED_WX:
		rule_code(p, KEY_WX_MAP, ask, r);
		break;
	case DEED_ADD_X:
		rule_code(p, KEY_WX_TRANSITION, ask, r);
		break;
	case DEED_X_FILE:
		rule_file(p, ask->file, r);
		break;
	case DEED_FOREIGN_REPLACE:
		rule_key(p, KEY_FOREIGN_REPLACE, ask->caller, r);
		break;
	case DEED_FOREIGN_UNMAP:
		rule_key(p, KEY_FOREIGN_UNMAP, ask->caller, r);
		break;
	case DEED_FOREIGN_PROTECT:
		rule_key(p, KEY_FOREIGN_PROTECT, ask->caller, r);
		break;
	case DEED_FIXED_REPLACE:
		rule_key(p, KEY_FIXED_REPLACE, ask->caller, r);
		break;
	case DEED_RAW:
		rule_raw(p, r);
		break;
	case DEED_SEALED:
		rule_sealed(p, ask->seal_key, r);
		break;
	default:
		rule_kernel(p, ask->kernel_key, r);
		break;
	}
}

/*
 * The errno of a refusal, by the key that decided. For those too who refuse without a call to
 * judge: wx.writers and wx.inspect are no deeds, the library asks for their values.
 *
 * Context: anywhere.
 */
int policy_refusal(enum policy_key rule)
{
	switch (rule) {
	case KEY_WX_MAP:
	case KEY_WX_TRANSITION:
	case KEY_WX_JIT:
	case KEY_WX_FILE:
	case KEY_WX_WRITERS:
	case KEY_WX_INSPECT:
		return EACCES;
	case KEY_FOREIGN_REPLACE:
	case KEY_FOREIGN_UNMAP:
	case KEY_FOREIGN_PROTECT:
	case KEY_FIXED_REPLACE:
	case KEY_RAW:
	case KEY_SEAL_TEXT:
	case KEY_SEAL_RELRO:
	case KEY_SEAL_DATA:
	case KEY_SEAL_VDSO:
	case KEY_SEAL_LATE:
	case KEY_SEAL_DISCARD:
		return EPERM;
	default:
		return ENOSYS;
	}
}

/*
 * What the policy says about a call. Strings of the ruling live as long as the blob.
 *
 * A caller that is known brings the overrides of the modules it matches. V_FLIP is either the word
 * of wx.map or wx.transition, or (rule KEY_WX_JIT) a refusal that a listed module's presence turns
 * into service by flip: an unknown caller is trusted with it only in an image in which such a
 * module is mapped. flip is the library's, which asks the kernel for one of W and X: a request for
 * both that has come as far as the kernel (`writable`) went past it, and is refused.
 *
 * Context: anywhere.
 */
void policy_rule(const struct policy *p, const struct policy_ask *ask, struct policy_ruling *rp)
{
	struct policy_ruling best, one;
	unsigned by = 0;

	best.verdict = V_ALLOW;
	best.rule = KEY_NONE;
	best.file = policy_name(p);
	best.line = 0;
	for (unsigned deed = DEED_WX; deed <= DEED_SEALED; deed <<= 1) {
		if (!(ask->deeds & deed))
			continue;
		rule_deed(p, ask, deed, &one);
		if (one.verdict > best.verdict) {
			best = one;
			by = deed;
		}
	}
	if (best.verdict == V_FLIP && ask->writable)
		best.verdict = V_DENY;
	best.error = 0;
	if (best.verdict >= V_DENY)
		best.error = by == DEED_SEALED ? EPERM : policy_refusal(best.rule);
	*rp = best;
}
