// In a library the empty section lies alone in the last PT_LOAD segment: a model's code has no
// other writable data (its tables are read-only after relocation), and the section asks for write
// permission only so that the linker puts it there. The segment becomes a read-only mapping of the
// file's tail:
//
//   before   LOAD rw-  offset .., filesz 0, memsz N     section NOBITS   aw
//   after    LOAD r--  offset T,  filesz N, memsz N     section PROGBITS a, at T
//
// In a relocatable object there are no segments, only the section.
#include "lib/Target/PlaceWeights.h"
#include "lib/Target/SealedFile.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ELF.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;
using Elf = object::ELF64LE;

namespace tenon {

static Elf::Phdr *findSegment(MutableArrayRef<char> elf, const Elf::Shdr &section) {
  auto *header = reinterpret_cast<Elf::Ehdr *>(elf.data());
  auto *segments = reinterpret_cast<Elf::Phdr *>(elf.data() + header->e_phoff);
  for (unsigned i = 0; i < header->e_phnum; ++i)
    if (segments[i].p_type == ELF::PT_LOAD && segments[i].p_vaddr == section.sh_addr &&
        segments[i].p_memsz == section.sh_size && segments[i].p_filesz == 0)
      return &segments[i];
  return nullptr;
}

Expected<uint64_t> placeWeights(MutableArrayRef<char> elf, const Architecture &architecture) {
  auto file = object::ELFFile<Elf>::create(StringRef(elf.data(), elf.size()));
  if (!file)
    return file.takeError();
  auto sections = file->sections();
  if (!sections)
    return sections.takeError();
  for (const Elf::Shdr &found : *sections) {
    auto name = file->getSectionName(found);
    if (!name)
      return name.takeError();
    if (*name != weightsSection)
      continue;

    uint64_t offset = alignTo(elf.size(), architecture.pageSize);
    auto &section = const_cast<Elf::Shdr &>(found);
    if (file->getHeader().e_type == ELF::ET_DYN) {
      Elf::Phdr *segment = findSegment(elf, section);
      if (!segment)
        return createStringError("a kernel has writable data; models must have none");
      segment->p_flags = ELF::PF_R;
      segment->p_offset = offset;
      segment->p_filesz = segment->p_memsz;
    }
    section.sh_type = ELF::SHT_PROGBITS;
    section.sh_flags = ELF::SHF_ALLOC;
    section.sh_offset = offset;
    return offset;
  }
  return 0;
}

Expected<uint64_t> writeLibrary(OutputFile &file, MutableArrayRef<char> elf,
                                const Architecture &architecture, const WeightsStore *weights) {
  Expected<uint64_t> offset = placeWeights(elf, architecture);
  if (!offset)
    return offset.takeError();
  SealedFile sealed(file, architecture);
  if (Error error = sealed.append(elf))
    return std::move(error);
  return sealed.finish(/*libraryOffset=*/0, *offset ? weights : nullptr);
}

Expected<uint64_t> writeObject(OutputFile &file, MutableArrayRef<char> elf,
                               const Architecture &architecture, const WeightsStore *weights) {
  Expected<uint64_t> offset = placeWeights(elf, architecture);
  if (!offset)
    return offset.takeError();
  if (Error error = file.write(elf, 0))
    return std::move(error);
  if (!*offset)
    return elf.size();
  if (Error error = weights->writeTo(file.fd(), *offset))
    return std::move(error);
  return *offset + weights->size();
}

} // namespace tenon
