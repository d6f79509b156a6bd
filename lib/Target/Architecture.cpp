// The table of architectures.
#include "lib/Target/Architecture.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/BinaryFormat/ELF.h"
#include <cstring>

using namespace llvm;

namespace tenon {

static constexpr Architecture architectures[] = {
    {"x86-64", Triple::x86_64, ELF::EM_X86_64, 4 << 10},
    {"AArch64", Triple::aarch64, ELF::EM_AARCH64, 64 << 10},
};

Expected<const Architecture *> findArchitecture(const Triple &triple) {
  for (const Architecture &each : architectures)
    if (each.type == triple.getArch())
      return &each;
  return createStringError("no files can be made for '" + triple.str() + "'");
}

Expected<const Architecture *> findArchitecture(ArrayRef<char> elf) {
  ELF::Elf64_Ehdr header;
  if (elf.size() < sizeof header || std::memcmp(elf.data(), ELF::ElfMagic, 4) != 0)
    return createStringError("not an ELF file");
  std::memcpy(&header, elf.data(), sizeof header);
  for (const Architecture &each : architectures)
    if (each.machine == header.e_machine)
      return &each;
  return createStringError("an ELF file for a machine with the number %d", int(header.e_machine));
}

} // namespace tenon
