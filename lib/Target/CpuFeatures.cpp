// A CPU's name implies dozens of features: prefetch hints, instructions for operating systems,
// cryptography. A binary should ask only for what LLVM selects for arithmetic, because hypervisors
// hide some of the others.
#include "lib/Target/CpuFeatures.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/X86TargetParser.h"

using namespace llvm;

namespace tenon {

static constexpr StringLiteral arithmeticFeatures[] = {
    "sse3",        "ssse3",      "sse4.1",       "sse4.2",
    "popcnt",      "avx",        "avx2",         "fma",
    "f16c",        "bmi",        "bmi2",         "lzcnt",
    "movbe",       "avx512f",    "avx512bw",     "avx512cd",
    "avx512dq",    "avx512vl",   "avx512vbmi",   "avx512ifma",
    "avx512vbmi2", "avx512vnni", "avx512bf16",   "avx512fp16",
    "avxvnni",     "gfni",       "avx512bitalg", "avx512vpopcntdq",
};

std::vector<std::string> getRequiredFeatures(const cpu::TargetInfo &target) {
  StringMap<bool> features;
  if (X86::parseArchX86(target.llvmCpu) != X86::CK_None) {
    SmallVector<StringRef> named;
    X86::getFeaturesForCPU(target.llvmCpu, named);
    for (StringRef feature : named) {
      features[feature] = true;
      X86::updateImpliedFeatures(feature, true, features);
    }
  }
  SmallVector<StringRef> stated;
  StringRef(target.llvmFeatures).split(stated, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef feature : stated)
    features[feature.drop_front()] = feature.front() == '+';

  std::vector<std::string> required;
  for (StringRef feature : arithmeticFeatures)
    if (features.lookup(feature))
      required.push_back(feature.str());
  return required;
}

} // namespace tenon
