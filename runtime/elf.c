/* Checks a file before it is mapped.
 *
 * dlopen trusts what it is given: a file shorter than its headers say is mapped all the same and
 * ends the process with SIGBUS when the missing pages are touched, and a foreign library's
 * constructors run before anyone can ask whether it is a model. So everything the loader will rely
 * on is read here with pread, which cannot fault, and compared with the file's size:
 *
 *   ELF header     64-bit little-endian shared library for this machine
 *   segments       within the file, no longer in the file than in memory
 *   sections       table and contents within the file; the table is at the end of what linkers
 *                  write, so that a truncated copy always lacks it
 *   .dynsym        exports the model's symbol
 *
 * A model ends in a seal (seal.h), whose checksum is compared first: then what follows only tells
 * what kind of file it is, and of which version. A file without a seal is never mapped; but the
 * models of earlier versions had none, and are told from damaged ones by their version. */
#include "runtime/internal.h"
#include "runtime/seal.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
enum { HOST_MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { HOST_MACHINE = EM_AARCH64 };
#else
#error "elf.c: name this machine's ELF number"
#endif

static const char *machine_name(int machine) {
  return machine == EM_X86_64 ? "x86-64" : machine == EM_AARCH64 ? "AArch64" : "an unknown one";
}

static tenon_status invalid(const tn_file *f, const char *why) {
  return tn_fail(TENON_INVALID_MODEL, "%s: %s", f->path, why);
}

static tenon_status truncated(const tn_file *f, const char *what, uint64_t begin, uint64_t bytes) {
  uint64_t end;
  if (__builtin_add_overflow(begin, bytes, &end))
    return tn_fail(TENON_INVALID_MODEL, "%s: damaged: %s has an impossible size", f->path, what);
  return tn_fail(TENON_INVALID_MODEL, "%s: truncated: %s ends at byte %llu, the file at %llu",
                 f->path, what, (unsigned long long)end, (unsigned long long)f->size);
}

/* Reads a part into new memory, with a zero byte behind it. */
static tenon_status read_part(const tn_file *f, const char *what, uint64_t begin, uint64_t bytes,
                              void **part) {
  if (!tn_file_has(f, begin, bytes))
    return truncated(f, what, begin, bytes);
  char *memory = malloc(bytes + 1);
  if (!memory)
    return tn_fail(TENON_OUT_OF_MEMORY, "%s: no memory to check %s", f->path, what);
  tenon_status status = tn_read_file(f, what, begin, bytes, memory);
  if (status) {
    free(memory);
    return status;
  }
  memory[bytes] = 0;
  *part = memory;
  return TENON_OK;
}

static tenon_status check_header(const tn_file *f, const Elf64_Ehdr *header) {
  const unsigned char *id = header->e_ident;
  if (id[EI_CLASS] != ELFCLASS64 || id[EI_DATA] != ELFDATA2LSB || id[EI_VERSION] != EV_CURRENT)
    return invalid(f, "not a 64-bit little-endian library");
  if (header->e_type != ET_DYN)
    return invalid(f, "an ELF file, but not a shared library");
  if (header->e_machine != HOST_MACHINE)
    return tn_fail(TENON_INVALID_MODEL,
                   "%s: compiled for another machine: for %s (ELF number %d), and this is %s",
                   f->path, machine_name(header->e_machine), header->e_machine,
                   machine_name(HOST_MACHINE));
  if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum == 0)
    return invalid(f, "damaged: no program headers");
  if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shnum == 0)
    return invalid(f, "damaged: no section headers");
  return TENON_OK;
}

static tenon_status check_segments(const tn_file *f, const Elf64_Phdr *segments, int count) {
  for (int i = 0; i < count; ++i) {
    const Elf64_Phdr *s = &segments[i];
    if (s->p_type == PT_INTERP)
      return invalid(f, "a program, not a model");
    if (s->p_type == PT_NULL || s->p_type == PT_GNU_STACK)
      continue;
    if (!tn_file_has(f, s->p_offset, s->p_filesz))
      return truncated(f, "a segment", s->p_offset, s->p_filesz);
    if (s->p_type == PT_LOAD && s->p_filesz > s->p_memsz)
      return invalid(f, "damaged: a segment is larger in the file than in memory");
  }
  return TENON_OK;
}

static tenon_status check_sections(const tn_file *f, const Elf64_Shdr *sections, int count) {
  for (int i = 0; i < count; ++i)
    if (sections[i].sh_type != SHT_NOBITS && sections[i].sh_type != SHT_NULL &&
        !tn_file_has(f, sections[i].sh_offset, sections[i].sh_size))
      return truncated(f, "a section", sections[i].sh_offset, sections[i].sh_size);
  return TENON_OK;
}

/* Looks the symbol up in the dynamic symbol table: dlsym would need dlopen, which runs code. */
static tenon_status find_export(const tn_file *f, const Elf64_Shdr *sections, int count,
                                const char *symbol, uint64_t *address) {
  const Elf64_Shdr *table = NULL;
  for (int i = 0; i < count && !table; ++i)
    if (sections[i].sh_type == SHT_DYNSYM)
      table = &sections[i];
  if (!table || table->sh_link >= (Elf64_Word)count)
    return invalid(f, "not a Tenon model: it exports nothing");

  Elf64_Sym *symbols = NULL;
  char *names = NULL;
  const Elf64_Shdr *strings = &sections[table->sh_link];
  tenon_status status =
      read_part(f, "the symbol table", table->sh_offset, table->sh_size, (void **)&symbols);
  if (!status)
    status =
        read_part(f, "the symbol names", strings->sh_offset, strings->sh_size, (void **)&names);
  bool found = false;
  if (!status)
    for (uint64_t i = 0; i < table->sh_size / sizeof *symbols && !found; ++i) {
      found = symbols[i].st_shndx != SHN_UNDEF && symbols[i].st_name < strings->sh_size &&
              strcmp(names + symbols[i].st_name, symbol) == 0;
      *address = symbols[i].st_value;
    }
  free(names);
  free(symbols);
  if (!status && !found)
    status =
        tn_fail(TENON_INVALID_MODEL,
                "%s: not a Tenon model: a shared library without the symbol '%s'", f->path, symbol);
  return status;
}

/* Whether the descriptor, which `address` is of, is of this version. */
static tenon_status check_version(const tn_file *f, const Elf64_Phdr *segments, int count,
                                  uint64_t address) {
  // The first fields, which every version has.
  struct {
    char magic[8];
    uint32_t abi_version;
  } start;
  for (int i = 0; i < count; ++i) {
    const Elf64_Phdr *s = &segments[i];
    if (s->p_type != PT_LOAD || address < s->p_vaddr || s->p_filesz < sizeof start ||
        address - s->p_vaddr > s->p_filesz - sizeof start)
      continue;
    tenon_status status = tn_read_file(f, "the descriptor", s->p_offset + (address - s->p_vaddr),
                                       sizeof start, &start);
    if (status)
      return status;
    if (memcmp(start.magic, TENON_MAGIC, sizeof start.magic) == 0 &&
        start.abi_version != TENON_ABI_VERSION)
      return tn_wrong_version(f->path, start.abi_version);
  }
  return TENON_OK;
}

static tenon_status check_tables(const tn_file *f, const Elf64_Ehdr *header, const char *symbol,
                                 bool sealed) {
  Elf64_Phdr *segments = NULL;
  Elf64_Shdr *sections = NULL;
  uint64_t address = 0;
  tenon_status status = read_part(f, "the program header table", header->e_phoff,
                                  header->e_phnum * sizeof *segments, (void **)&segments);
  if (!status)
    status = read_part(f, "the section table", header->e_shoff, header->e_shnum * sizeof *sections,
                       (void **)&sections);
  if (!status)
    status = check_segments(f, segments, header->e_phnum);
  if (!status)
    status = check_sections(f, sections, header->e_shnum);
  if (!status)
    status = find_export(f, sections, header->e_shnum, symbol, &address);
  if (!status)
    status = check_version(f, segments, header->e_phnum, address);
  if (!status && !sealed)
    status = invalid(f, "truncated, or changed after it was compiled: it does not end in a seal");
  free(sections);
  free(segments);
  return status;
}

static tenon_status check_open_file(const tn_file *f, const char *symbol, uint64_t *checksum) {
  char magic[SELFMAG];
  tenon_status status = f->size < SELFMAG ? invalid(f, "not a compiled model: not an ELF file")
                                          : tn_read_file(f, "its mark", 0, SELFMAG, magic);
  if (status)
    return status;
  if (memcmp(magic, ELFMAG, SELFMAG) != 0)
    return invalid(f, "not a compiled model: not an ELF file");
  tenon_seal seal;
  bool sealed;
  status = tn_check_seal(f, &seal, &sealed);
  if (status)
    return status;
  Elf64_Ehdr *header;
  status = read_part(f, "the ELF header", 0, sizeof *header, (void **)&header);
  if (status)
    return status;
  status = check_header(f, header);
  if (!status)
    status = check_tables(f, header, symbol, sealed);
  free(header);
  if (!status)
    *checksum = seal.code_checksum;
  return status;
}

tenon_status tn_check_library(const char *path, const char *symbol, uint64_t *checksum) {
  tn_file file;
  tenon_status status = tn_open_file(path, &file);
  if (status)
    return status;
  status = check_open_file(&file, symbol, checksum);
  close(file.fd);
  return status;
}
