// The linker reads section headers only: .dynsym for the names, .dynamic for DT_SONAME, .dynstr for
// the text of both. (LLVM's InterfaceStub writes the same, but only to a path and with signal
// handlers.)
//
//   Ehdr | .dynstr | .dynsym | .dynamic | .shstrtab | section headers
#include "lib/Target/StubLibrary.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ELFTypes.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>
#include <vector>

using namespace llvm;
using Elf = object::ELF64LE;

namespace tenon {
namespace {

enum Section { Null, DynStr, DynSym, Dynamic, ShStrTab, numSections };

class StubWriter {
public:
  explicit StubWriter(const Architecture &architecture) : machine(architecture.machine) {}
  SmallVector<char, 0> write(StringRef soname, ArrayRef<StringLiteral> functions);

private:
  uint32_t addString(StringRef text) {
    uint32_t offset = strings.size();
    strings.append(text.begin(), text.end());
    strings.push_back('\0');
    return offset;
  }

  /// Appends the bytes of `data` as a section.
  template <typename T>
  Elf::Shdr &addSection(Section section, uint32_t name, uint32_t type, const T &data) {
    file.resize(alignTo(file.size(), 8));
    Elf::Shdr &header = headers[section];
    header.sh_name = name;
    header.sh_type = type;
    header.sh_offset = file.size();
    header.sh_size = data.size() * sizeof(data[0]);
    header.sh_addralign = 8;
    auto *bytes = reinterpret_cast<const char *>(data.data());
    file.append(bytes, bytes + header.sh_size);
    return header;
  }

  void writeHeader();

  uint16_t machine;
  SmallVector<char, 0> file;
  SmallVector<char, 0> strings;
  std::vector<Elf::Shdr> headers;
};

SmallVector<char, 0> StubWriter::write(StringRef soname, ArrayRef<StringLiteral> functions) {
  headers.assign(numSections, Elf::Shdr{});
  addString("");
  std::vector<Elf::Sym> symbols(1, Elf::Sym{});
  for (StringRef name : functions) {
    Elf::Sym symbol{};
    symbol.st_name = addString(name);
    symbol.setBindingAndType(ELF::STB_GLOBAL, ELF::STT_FUNC);
    symbol.st_shndx = DynSym; // any section: the symbol is defined
    symbol.st_value = 8;
    symbols.push_back(symbol);
  }
  std::vector<Elf::Dyn> dynamic(2, Elf::Dyn{});
  dynamic[0].d_tag = ELF::DT_SONAME;
  dynamic[0].d_un.d_val = addString(soname);
  dynamic[1].d_tag = ELF::DT_NULL;

  file.resize(sizeof(Elf::Ehdr));
  StringRef names("\0.dynstr\0.dynsym\0.dynamic\0.shstrtab", 36); // with the last zero
  addSection(DynStr, 1, ELF::SHT_STRTAB, strings).sh_flags = ELF::SHF_ALLOC;
  Elf::Shdr &dynSym = addSection(DynSym, 9, ELF::SHT_DYNSYM, symbols);
  dynSym.sh_flags = ELF::SHF_ALLOC;
  dynSym.sh_link = DynStr;
  dynSym.sh_info = 1; // the first global symbol
  dynSym.sh_entsize = sizeof(Elf::Sym);
  Elf::Shdr &dyn = addSection(Dynamic, 17, ELF::SHT_DYNAMIC, dynamic);
  dyn.sh_flags = ELF::SHF_ALLOC;
  dyn.sh_link = DynStr;
  dyn.sh_entsize = sizeof(Elf::Dyn);
  addSection(ShStrTab, 26, ELF::SHT_STRTAB, names);
  writeHeader();
  return std::move(file);
}

void StubWriter::writeHeader() {
  file.resize(alignTo(file.size(), 8));
  Elf::Ehdr header{};
  std::memcpy(header.e_ident, ELF::ElfMagic, 4);
  header.e_ident[ELF::EI_CLASS] = ELF::ELFCLASS64;
  header.e_ident[ELF::EI_DATA] = ELF::ELFDATA2LSB;
  header.e_ident[ELF::EI_VERSION] = ELF::EV_CURRENT;
  header.e_type = ELF::ET_DYN;
  header.e_machine = machine;
  header.e_version = ELF::EV_CURRENT;
  header.e_ehsize = sizeof(Elf::Ehdr);
  header.e_shentsize = sizeof(Elf::Shdr);
  header.e_shoff = file.size();
  header.e_shnum = numSections;
  header.e_shstrndx = ShStrTab;
  std::memcpy(file.data(), &header, sizeof header);
  auto *bytes = reinterpret_cast<const char *>(headers.data());
  file.append(bytes, bytes + headers.size() * sizeof(Elf::Shdr));
}

// The float and double forms of a function.
#define TENON_MATH(name) StringLiteral(#name), StringLiteral(#name "f")

constexpr StringLiteral libmFunctions[] = {
    TENON_MATH(acos),      TENON_MATH(acosh),    TENON_MATH(asin),      TENON_MATH(asinh),
    TENON_MATH(atan),      TENON_MATH(atan2),    TENON_MATH(atanh),     TENON_MATH(cbrt),
    TENON_MATH(ceil),      TENON_MATH(copysign), TENON_MATH(cos),       TENON_MATH(cosh),
    TENON_MATH(erf),       TENON_MATH(erfc),     TENON_MATH(exp),       TENON_MATH(exp2),
    TENON_MATH(expm1),     TENON_MATH(fabs),     TENON_MATH(fdim),      TENON_MATH(floor),
    TENON_MATH(fma),       TENON_MATH(fmax),     TENON_MATH(fmin),      TENON_MATH(fmod),
    TENON_MATH(frexp),     TENON_MATH(hypot),    TENON_MATH(ilogb),     TENON_MATH(ldexp),
    TENON_MATH(lgamma),    TENON_MATH(llrint),   TENON_MATH(llround),   TENON_MATH(log),
    TENON_MATH(log10),     TENON_MATH(log1p),    TENON_MATH(log2),      TENON_MATH(logb),
    TENON_MATH(lrint),     TENON_MATH(lround),   TENON_MATH(modf),      TENON_MATH(nearbyint),
    TENON_MATH(nextafter), TENON_MATH(pow),      TENON_MATH(remainder), TENON_MATH(remquo),
    TENON_MATH(rint),      TENON_MATH(round),    TENON_MATH(scalbln),   TENON_MATH(scalbn),
    TENON_MATH(sin),       TENON_MATH(sincos),   TENON_MATH(sinh),      TENON_MATH(sqrt),
    TENON_MATH(tan),       TENON_MATH(tanh),     TENON_MATH(tgamma),    TENON_MATH(trunc),
};
#undef TENON_MATH

constexpr StringLiteral libcFunctions[] = {
    "abort",   "bcmp",     "bsearch", "calloc",  "free",    "freelocale", "malloc",
    "memchr",  "memcmp",   "memcpy",  "memmove", "memset",  "newlocale",  "qsort",
    "realloc", "snprintf", "strchr",  "strcmp",  "strlen",  "strncmp",    "strnlen",
    "strstr",  "strtod",   "strtof",  "strtol",  "strtoll", "strtoull",   "uselocale",
};

} // namespace

SmallVector<char, 0> buildStubLibrary(StringRef soname, ArrayRef<StringLiteral> functions,
                                      const Architecture &architecture) {
  return StubWriter(architecture).write(soname, functions);
}

ArrayRef<StringLiteral> getLibcFunctions() { return libcFunctions; }
ArrayRef<StringLiteral> getLibmFunctions() { return libmFunctions; }

} // namespace tenon
