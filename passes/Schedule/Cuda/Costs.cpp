// What launches take on a GPU, by its peak rates, and what it takes to bring something there.
//
// Nothing of it was measured (docs/gpu.md): clocks, bandwidths and latencies are those of data
// sheets and published measurements for GPUs with their own memory behind PCI Express.

#include "dialects/Target/Cuda/CudaDialect.h"
#include "dialects/Target/DeviceCosts.h"
#include "passes/Schedule/Cuda/Choose.h"

using namespace mlir;

namespace tenon::cuda {
namespace {

constexpr double cyclesPerNanosecond = 1.5;
/// Multiply-adds of f32 that a multiprocessor starts in a cycle.
constexpr double fmasPerCycle = 64;
/// Memory of the smallest of the devices.
constexpr double bytesPerNanosecond = 700;
/// Of one launch in a graph, with the way of the first bytes from memory.
constexpr double launchTime = 4000;
/// Of a copy that the host waits for, and of a link of 16 lanes, fourth generation.
constexpr double transferTime = 12000, linkBytesPerNanosecond = 20;
constexpr double efficiency = 0.5;

struct CudaCosts final : DeviceCosts {
  using DeviceCosts::DeviceCosts;

  double getLaunchTime(TargetAttrInterface target, const LaunchWork &work) const override {
    auto gpu = cast<TargetAttr>(target);
    bool hasUnits = work.element.isF16() || work.element.isBF16() || work.element.isInteger(8);
    double perCycle = hasUnits ? static_cast<double>(gpu.getMmaRate()) : fmasPerCycle;
    // A sixty-fourth on devices that are not made for it.
    if (work.element.isF64())
      perCycle /= 64;
    double arithmetic = work.flops / 2 /
                        (perCycle * static_cast<double>(gpu.getMultiprocessors()) *
                         cyclesPerNanosecond * efficiency);
    return launchTime + std::max(arithmetic, work.bytes / bytesPerNanosecond);
  }

  double getTransferTime(TargetAttrInterface, double bytes) const override {
    return transferTime + bytes / linkBytesPerNanosecond;
  }
};

} // namespace

void registerCosts(DialectRegistry &registry) {
  registry.addExtension(
      +[](MLIRContext *, CudaDialect *dialect) { dialect->addInterfaces<CudaCosts>(); });
}

} // namespace tenon::cuda
