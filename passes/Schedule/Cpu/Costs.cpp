// What launches take on a processor, by its peak rates.
//
// A target says what instructions there are, not how fast the clock is or how many cores there are:
// a server of today is assumed. Only the ratio to what a GPU takes matters, which is seldom close.

#include "dialects/Target/Cpu/CpuDialect.h"
#include "dialects/Target/DeviceCosts.h"
#include "passes/Schedule/Cpu/Choose.h"

using namespace mlir;

namespace tenon::cpu {
namespace {

constexpr double cyclesPerNanosecond = 2.5, cores = 8;
/// Of all cores together, from memory.
constexpr double bytesPerNanosecond = 40;
/// To hand out tasks and to wait for them.
constexpr double launchTime = 1000;
/// Of the peak, what kernels reach.
constexpr double efficiency = 0.7;

struct CpuCosts final : DeviceCosts {
  using DeviceCosts::DeviceCosts;

  double getLaunchTime(TargetAttrInterface target, const LaunchWork &work) const override {
    auto cpu = cast<TargetAttr>(target);
    // Narrower numbers have instructions of their own on some; what they gain is left out.
    int64_t bits = std::max<int64_t>(
        work.element.isIntOrFloat() ? work.element.getIntOrFloatBitWidth() : 32, 32);
    double flopsPerCycle = 2.0 * cpu.getFmaPorts() * cpu.getLanes(bits);
    double arithmetic = work.flops / (flopsPerCycle * cyclesPerNanosecond * cores * efficiency);
    return launchTime + std::max(arithmetic, work.bytes / bytesPerNanosecond);
  }
};

} // namespace

void registerCosts(DialectRegistry &registry) {
  registry.addExtension(
      +[](MLIRContext *, CpuDialect *dialect) { dialect->addInterfaces<CpuCosts>(); });
}

} // namespace tenon::cpu
