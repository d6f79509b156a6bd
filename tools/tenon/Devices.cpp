// The runtime opens the driver that an environment variable names; here it gets its value.

#include "tools/tenon/Devices.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cstdlib>

namespace tenon::cli {

static constexpr char driverVariable[] = "TENON_CUDA_DRIVER";

/// Where the simulator is: beside this program, as built and as installed.
static llvm::Expected<std::string> findSimulator() {
  std::string program =
      llvm::sys::fs::getMainExecutable(nullptr, reinterpret_cast<void *>(&findSimulator));
  llvm::SmallString<256> path(llvm::sys::path::parent_path(llvm::sys::path::parent_path(program)));
  llvm::sys::path::append(path, "lib", "libtenon_cuda_sim.so");
  if (!llvm::sys::fs::exists(path))
    return llvm::createStringError("option '--device': there is no simulator: " + path);
  return std::string(path);
}

llvm::Error useDevice(const Arguments &arguments) {
  if (!arguments.has("--device"))
    return llvm::Error::success();
  std::string device = arguments.get("--device");
  if (device == "cuda") {
    unsetenv(driverVariable);
    return llvm::Error::success();
  }
  if (device == "cuda-sim") {
    llvm::Expected<std::string> simulator = findSimulator();
    if (!simulator)
      return simulator.takeError();
    device = *simulator;
  } else if (!llvm::sys::fs::exists(device)) {
    return llvm::createStringError("option '--device': " + device +
                                   " is neither cuda, nor cuda-sim, nor a file");
  }
  setenv(driverVariable, device.c_str(), /*overwrite=*/1);
  return llvm::Error::success();
}

std::string getDefaultTarget(const Arguments &arguments) {
  return arguments.has("--device") ? "cuda:sm_80" : "cpu:native";
}

} // namespace tenon::cli
