/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/elf.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * What is executable in an ELF object, and which stretches of that are functions.
 *
 * Functions are told by the unwinder's tables (.eh_frame), which stripped objects have as well, and
 * which stand in the segments that are loaded; section headers and symbols are not looked at. The
 * search table of .eh_frame_hdr says where the entries are; without one that is understood,
 * .eh_frame is walked from its start. Objects without either have no functions.
 *
 * Everything in the file is taken for hostile. Positions are numbers that are checked against the
 * size before they are read, and every step costs a bounded number of bytes: numbers of variable
 * length have at most ten, augmentations at most MAX_AUGMENTATION.
 *
 * Source: System V ABI, AMD64 supplement 1.0, "Program Loading" and "Exception Handling"; Linux
 * Standard Base 5.0, Core, "Exception Frames" (encodings, .eh_frame, .eh_frame_hdr).
 */

/* How a pointer is stored (low half) and what it counts from (high half). */
#define ENC_ABSPTR  0x00
#define ENC_ULEB128 0x01
#define ENC_UDATA2  0x02
#define ENC_UDATA4  0x03
#define ENC_UDATA8  0x04
#define ENC_SLEB128 0x09
#define ENC_SDATA2  0x0a
#define ENC_SDATA4  0x0b
#define ENC_SDATA8  0x0c
#define ENC_PCREL   0x10
#define ENC_DATAREL 0x30
#define ENC_FORM    0x0f
#define ENC_BASE    0xf0 /* with the bit for "indirect", which is not followed */

#define MAX_AUGMENTATION 16
#define MAX_FUNCTIONS    (1u << 20) /* a browser's library has half of that */
#define TABLE_ENTRY      8          /* of .eh_frame_hdr: place of a function, place of its entry */

/* Bytes that are read one after the other. After a read past the end all reads give 0. */
struct cursor {
	const uint8_t *data;
	uint64_t at;
	uint64_t end;
	uint64_t addr_less_offset;
	bool bad;
};

static uint64_t get(struct cursor *c, unsigned n_bytes)
{
	uint64_t v = 0;

	if (c->bad || c->end - c->at < n_bytes) {
		c->bad = true;
		return 0;
	}
	memcpy(&v, c->data + c->at, n_bytes);
	c->at += n_bytes;
	return v;
}

static uint64_t get_signed(struct cursor *c, unsigned n_bytes)
{
	uint64_t v = get(c, n_bytes), sign = 1ull << (8 * n_bytes - 1);

	return (v ^ sign) - sign;
}

static uint64_t get_leb128(struct cursor *c, bool is_signed)
{
	uint64_t v = 0, byte;
	unsigned shift = 0;

	do {
		byte = get(c, 1);
		v |= shift < 64 ? (byte & 0x7f) << shift : 0;
		shift += 7;
	} while ((byte & 0x80) && shift < 70);
	if (byte & 0x80)
		c->bad = true;
	if (is_signed && (byte & 0x40) && shift < 64)
		v |= ~0ull << shift;
	return v;
}

static uint64_t get_form(struct cursor *c, uint8_t form)
{
	switch (form) {
	case ENC_ABSPTR:
	case ENC_UDATA8:
	case ENC_SDATA8:
		return get(c, 8);
	case ENC_UDATA2:
		return get(c, 2);
	case ENC_UDATA4:
		return get(c, 4);
	case ENC_SDATA2:
		return get_signed(c, 2);
	case ENC_SDATA4:
		return get_signed(c, 4);
	case ENC_ULEB128:
		return get_leb128(c, false);
	case ENC_SLEB128:
		return get_leb128(c, true);
	default:
		c->bad = true;
		return 0;
	}
}

/* A pointer; `data_base` is what ENC_DATAREL counts from, 0 where that has no meaning. */
static uint64_t get_pointer(struct cursor *c, uint8_t enc, uint64_t data_base)
{
	uint64_t here = c->at + c->addr_less_offset;
	uint64_t v = get_form(c, enc & ENC_FORM);

	switch (enc & ENC_BASE) {
	case 0:
		return v;
	case ENC_PCREL:
		return v + here;
	case ENC_DATAREL:
		if (data_base)
			return v + data_base;
		/* fall through */
	default:
		c->bad = true;
		return 0;
	}
}

/* The rest of what stands at an address; nothing where that is not in the file. */
static struct cursor cursor_at(const struct elf *e, uint64_t addr)
{
	struct elf_range r;

	if (!elf_find(e, addr, &r))
		return (struct cursor){.bad = true};
	return (struct cursor){.data = e->data,
			       .at = r.offset,
			       .end = r.offset + r.size,
			       .addr_less_offset = r.addr - r.offset};
}

/*
 * Whether the file has the byte at an address of the object; *rp is then from there to the end of
 * what the file has of that segment.
 */
bool elf_find(const struct elf *e, uint64_t addr, struct elf_range *rp)
{
	for (size_t i = 0; i < e->n_loads; i++) {
		uint64_t skip = addr - e->load[i].addr;

		if (addr < e->load[i].addr || skip >= e->load[i].size)
			continue;
		*rp = (struct elf_range){e->load[i].offset + skip, addr, e->load[i].size - skip};
		return true;
	}
	return false;
}

static bool is_in_file(const struct elf *e, const Elf64_Phdr *p)
{
	return p->p_offset <= e->size && p->p_filesz <= e->size - p->p_offset &&
	       p->p_vaddr + p->p_filesz >= p->p_vaddr;
}

/* Executable segments that overlap, in the file or in memory, or come in another order than by
 * address, are nothing that a linker makes. */
static bool is_behind_last_text(const struct elf *e, const struct elf_range *r)
{
	const struct elf_range *last = e->text + e->n_texts - 1;

	return !e->n_texts ||
	       (r->offset >= last->offset + last->size && r->addr >= last->addr + last->size);
}

static int take_segment(struct elf *e, const Elf64_Phdr *p)
{
	struct elf_range r = {p->p_offset, p->p_vaddr, p->p_filesz};

	if ((p->p_type != PT_LOAD && p->p_type != PT_GNU_EH_FRAME) || !p->p_filesz)
		return 0;
	if (!is_in_file(e, p))
		return -ENOEXEC;
	if (p->p_type == PT_GNU_EH_FRAME) {
		e->eh_frame_hdr = r;
		return 0;
	}
	if (e->n_loads == ELF_MAX_LOADS)
		return -ENOEXEC;
	e->load[e->n_loads++] = r;
	if (!(p->p_flags & PF_X))
		return 0;
	if (!is_behind_last_text(e, &r))
		return -ENOEXEC;
	e->text[e->n_texts++] = r;
	return 0;
}

static bool is_program(const Elf64_Ehdr *h)
{
	return !memcmp(h->e_ident, ELFMAG, SELFMAG) && h->e_ident[EI_CLASS] == ELFCLASS64 &&
	       h->e_ident[EI_DATA] == ELFDATA2LSB && h->e_machine == EM_X86_64 &&
	       (h->e_type == ET_DYN || h->e_type == ET_EXEC) &&
	       h->e_phentsize == sizeof(Elf64_Phdr);
}

/*
 * Reads the program headers of an image of `size` bytes, which must stay as it is for as long as
 * `e` is used. Return: 0, or -ENOEXEC: not a program or shared object for x86-64, or not as a
 * linker would make it.
 */
int elf_init(struct elf *e, const uint8_t *data, size_t size)
{
	Elf64_Ehdr h;
	Elf64_Phdr p;
	int r;

	*e = (struct elf){.data = data, .size = size};
	if (size < sizeof(h))
		return -ENOEXEC;
	memcpy(&h, data, sizeof(h));
	if (!is_program(&h) || h.e_phoff > size || h.e_phnum > (size - h.e_phoff) / sizeof(p))
		return -ENOEXEC;
	for (size_t i = 0; i < h.e_phnum; i++) {
		memcpy(&p, data + h.e_phoff + i * sizeof(p), sizeof(p));
		r = take_segment(e, &p);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Behind the return address register of a CIE: how the pointers of its entries are stored. */
static uint8_t get_encoding(struct cursor *c, const char *augmentation)
{
	uint8_t enc;

	if (!*augmentation)
		return ENC_ABSPTR;
	if (*augmentation++ != 'z')
		c->bad = true;
	get_leb128(c, false); /* how long the rest is */
	for (; *augmentation && !c->bad; augmentation++) {
		switch (*augmentation) {
		case 'R':
			return (uint8_t)get(c, 1);
		case 'L':
			get(c, 1);
			break;
		case 'P':
			enc = (uint8_t)get(c, 1);
			get_form(c, enc & ENC_FORM);
			break;
		case 'S':
		case 'B':
			break;
		default:
			c->bad = true;
		}
	}
	return ENC_ABSPTR;
}

/* The encoding that a CIE gives to its entries; `c` stands at its length. */
static bool read_cie(struct cursor *c, uint8_t *encp)
{
	char augmentation[MAX_AUGMENTATION];
	uint64_t length = get(c, 4);
	uint8_t version;
	size_t n = 0;

	if (c->bad || !length || length == UINT32_MAX || length > c->end - c->at)
		return false;
	c->end = c->at + length;
	if (get(c, 4)) /* an FDE */
		return false;
	version = (uint8_t)get(c, 1);
	if (version != 1 && version != 3)
		return false;
	do {
		augmentation[n] = (char)get(c, 1);
	} while (augmentation[n] && ++n < sizeof(augmentation));
	if (n == sizeof(augmentation))
		return false;
	get_leb128(c, false); /* code alignment */
	get_leb128(c, true);  /* data alignment */
	if (version == 1)
		get(c, 1);
	else
		get_leb128(c, false);
	*encp = get_encoding(c, augmentation);
	return !c->bad;
}

/* Whether an entry's code is in one text; *rp then has its place in the file. */
static bool is_text(const struct elf *e, uint64_t addr, uint64_t size, struct elf_range *rp)
{
	for (size_t i = 0; i < e->n_texts; i++) {
		const struct elf_range *t = e->text + i;

		if (addr < t->addr || addr - t->addr >= t->size)
			continue;
		*rp = (struct elf_range){t->offset + (addr - t->addr), addr, size};
		return size && size <= t->size - (addr - t->addr);
	}
	return false;
}

enum entry { ENTRY_END, ENTRY_NONE, ENTRY_FUNCTION };

/*
 * One entry of .eh_frame; `c` stands at its length, and behind the entry afterwards. Lengths of 64
 * bits, which no entry needs, end a walk like anything else that is not understood.
 */
static enum entry read_entry(const struct elf *e, struct cursor *c, struct elf_range *rp)
{
	struct cursor in, cie;
	uint64_t length = get(c, 4), id, addr, size;
	uint8_t enc;

	if (c->bad || !length || length == UINT32_MAX || length > c->end - c->at)
		return ENTRY_END;
	in = *c;
	in.end = in.at + length;
	c->at = in.end;
	cie = in;
	id = get(&in, 4);
	if (in.bad || !id)
		return ENTRY_NONE;
	if (id > cie.at)
		return ENTRY_END;
	cie.at -= id;
	cie.end = c->end;
	if (!read_cie(&cie, &enc))
		return ENTRY_NONE;
	addr = get_pointer(&in, enc, 0);
	size = get_form(&in, enc & ENC_FORM);
	return !in.bad && is_text(e, addr, size, rp) ? ENTRY_FUNCTION : ENTRY_NONE;
}

struct functions {
	struct elf_range *at;
	size_t n;
	size_t n_room;
};

static int functions_add(struct functions *f, const struct elf_range *r)
{
	size_t n = f->n_room ? 2 * f->n_room : 256;
	struct elf_range *more;

	if (f->n == MAX_FUNCTIONS)
		return -E2BIG;
	if (f->n == f->n_room) {
		more = realloc(f->at, n * sizeof(*more));
		if (!more)
			return -ENOMEM;
		f->at = more;
		f->n_room = n;
	}
	f->at[f->n++] = *r;
	return 0;
}

/* Through .eh_frame from its start. */
static int walk(const struct elf *e, uint64_t eh_frame, struct functions *f)
{
	struct cursor c = cursor_at(e, eh_frame);
	struct elf_range r;
	enum entry entry;
	int err = 0;

	while (!err && (entry = read_entry(e, &c, &r)) != ENTRY_END)
		if (entry == ENTRY_FUNCTION)
			err = functions_add(f, &r);
	return err;
}

/* Through the search table, which `c` stands at. */
static int walk_table(const struct elf *e, struct cursor *c, uint64_t count, struct functions *f)
{
	struct elf_range r;
	struct cursor at;
	int err = 0;

	if (count > (c->end - c->at) / TABLE_ENTRY)
		count = (c->end - c->at) / TABLE_ENTRY;
	while (count-- && !err) {
		get(c, 4);
		at = cursor_at(e, e->eh_frame_hdr.addr + get_signed(c, 4));
		if (read_entry(e, &at, &r) == ENTRY_FUNCTION)
			err = functions_add(f, &r);
	}
	return err;
}

static int walk_header(const struct elf *e, struct functions *f)
{
	const struct elf_range *h = &e->eh_frame_hdr;
	struct cursor c = {.data = e->data,
			   .at = h->offset,
			   .end = h->offset + h->size,
			   .addr_less_offset = h->addr - h->offset};
	uint8_t version = (uint8_t)get(&c, 1), frame_enc = (uint8_t)get(&c, 1);
	uint8_t count_enc = (uint8_t)get(&c, 1), table_enc = (uint8_t)get(&c, 1);
	uint64_t frame = get_pointer(&c, frame_enc, h->addr), count;

	if (c.bad || version != 1)
		return 0;
	if (table_enc != (ENC_DATAREL | ENC_SDATA4))
		return walk(e, frame, f);
	count = get_pointer(&c, count_enc, h->addr);
	return c.bad ? walk(e, frame, f) : walk_table(e, &c, count, f);
}

static int by_addr(const void *a, const void *b)
{
	const struct elf_range *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->size < y->size ? -1 : x->size > y->size;
}

/* One function ends where the next begins; of those that begin together the longest is kept. */
static void set_apart(struct functions *f)
{
	size_t n = 0;

	if (f->n)
		qsort(f->at, f->n, sizeof(*f->at), by_addr);
	for (size_t i = 0; i < f->n; i++) {
		struct elf_range r = f->at[i];

		if (i + 1 < f->n && f->at[i + 1].addr - r.addr < r.size)
			r.size = f->at[i + 1].addr - r.addr;
		if (r.size)
			f->at[n++] = r;
	}
	f->n = n;
}

/*
 * The functions that the object's unwinder tables tell, ascending, none overlapping another; the
 * array is the caller's to free, NULL where there are none.
 * Return: 0, -ENOMEM, or -E2BIG: more than MAX_FUNCTIONS. Context: the time is linear in the size,
 * but for one sort.
 */
int elf_functions(const struct elf *e, struct elf_range **fp, size_t *np)
{
	struct functions f = {0};
	int r = e->eh_frame_hdr.size ? walk_header(e, &f) : 0;

	if (r < 0) {
		free(f.at);
		return r;
	}
	set_apart(&f);
	*fp = f.at;
	*np = f.n;
	return 0;
}
