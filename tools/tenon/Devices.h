// `--device`: which of a machine's devices runs a model, or what stands for one.
#ifndef TENON_TOOLS_TENON_DEVICES_H
#define TENON_TOOLS_TENON_DEVICES_H

#include "tools/tenon/Arguments.h"

namespace tenon::cli {

inline constexpr Option deviceOption = {"--device", true,
                                        "D what runs the model: cuda (the GPU), cuda-sim (a "
                                        "simulator of one, built with Tenon), or the "
                                        "FILE of a library with the driver's functions; without "
                                        "--target, an ONNX model is compiled for "
                                        "it"};

/// Does what --device says, for this process and its children. An error if there is no such device.
llvm::Error useDevice(const Arguments &arguments);

/// The target of ONNX models where --target does not say it.
std::string getDefaultTarget(const Arguments &arguments);

} // namespace tenon::cli

#endif
