// The table of GPU architectures. Numbers are from NVIDIA's white papers and the CUDA C++
// Programming Guide (table of technical specifications per compute capability); nothing of it was
// measured.
//
// Code is written in the lowest version of PTX that has the architecture, so that drivers as old as
// that architecture take it; that for "sm_80" in the first one that multiplies sparse matrices,
// which is half a year younger, that for "sm_89" in the first one whose mma multiplies floats of 8
// bits, and that for "sm_90a" in the first one whose wgmma multiplies bytes of different signs.
// "sm_90a" stands for that architecture alone; the others' code also runs on later ones, for which
// the driver compiles it.

#include "dialects/Target/Cuda/CudaDialect.h"
#include "dialects/Target/TargetKind.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;

namespace tenon::cuda {
namespace {

/// Facts about one architecture, of its largest GPU that is named behind it.
struct CudaRow {
  StringLiteral name;
  int64_t ptx;
  int64_t multiprocessors, threads, sharedBytes, l2MiB;
  /// By `mma.sync` with sums of f32, and by `wgmma`.
  int64_t mmaRate, wgmmaRate;
};

constexpr CudaRow rows[] = {
    {"sm_80", 71, 108, 2048, 166912, 40, 1024, 0},     // A100
    {"sm_86", 71, 84, 1536, 101376, 6, 512, 0},        // A40
    {"sm_89", 84, 142, 1536, 101376, 96, 512, 0},      // L40S
    {"sm_90a", 84, 132, 2048, 232448, 50, 1024, 2048}, // H100 SXM
    {"sm_100", 86, 148, 2048, 232448, 126, 1024, 0},   // B200
    {"sm_120", 87, 170, 1536, 101376, 96, 256, 0},     // RTX 5090
};

/// Of 32 bits, on all of them.
constexpr int64_t registersPerMultiprocessor = 65536;

/// What is assumed of the machine that a GPU is in.
StringRef getAssumedHost() {
  llvm::Triple triple(llvm::sys::getProcessTriple());
  return triple.isAArch64() ? "armv8-a" : "x86-64-v3";
}

std::string listNames() {
  return llvm::join(llvm::map_range(rows, [](const CudaRow &row) { return row.name.str(); }), ", ");
}

} // namespace

llvm::Expected<TargetAttr> lookupTarget(StringRef name, MLIRContext *context) {
  auto [arch, hostName] = name.split('/');
  if (arch == "native")
    return llvm::createStringError("target 'cuda' needs an architecture, as cuda:sm_80: one of " +
                                   listNames());
  const CudaRow *row = llvm::find_if(rows, [&](const CudaRow &each) { return each.name == arch; });
  if (row == std::end(rows))
    return llvm::createStringError("unknown target 'cuda:" + name + "': there are " + listNames());
  if (name.ends_with("/"))
    return llvm::createStringError("target 'cuda:" + name + "' names no host behind '/'");
  llvm::Expected<TargetAttrInterface> host =
      tenon::lookupTarget(hostName.empty() ? getAssumedHost() : hostName, context);
  if (!host)
    return host.takeError();
  if (hasOwnMemory(*host))
    return llvm::createStringError("target 'cuda:" + name + "' has a host that is no processor");
  return TargetAttr::get(context, name, arch, row->ptx, row->multiprocessors, row->threads,
                         registersPerMultiprocessor, row->sharedBytes, row->l2MiB << 20,
                         row->mmaRate, row->wgmmaRate, *host);
}

/// As 80 of "sm_80".
static int64_t getNumber(TargetAttr target) {
  int64_t number = 0;
  target.getArch().drop_front(3).take_while(llvm::isDigit).getAsInteger(10, number);
  return number;
}

bool TargetAttr::overlapsLaunches() const { return getNumber(*this) >= 90; }

// For sm_100 the assembler makes several instructions of each product of floats of 8 bits, and
// takes all registers for them: halves are as good there.
bool TargetAttr::hasFloat8() const { return getNumber(*this) >= 89 && getNumber(*this) != 100; }

Attribute TargetAttr::getHost() const { return getHostCpu(); }

} // namespace tenon::cuda
