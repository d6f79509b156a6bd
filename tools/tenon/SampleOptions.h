// What commands that measure losses share: samples that models are run on.
#ifndef TENON_TOOLS_TENON_SAMPLEOPTIONS_H
#define TENON_TOOLS_TENON_SAMPLEOPTIONS_H

#include "lib/Calibration/DataSource.h"
#include "tools/tenon/Arguments.h"

namespace tenon::cli {

/// --data, --labels, --samples, and how pictures are read.
llvm::Expected<std::unique_ptr<quantize::DataSource>>
openSamples(const Arguments &arguments, const ModelFile &model, const ImportOptions &import);

inline constexpr Option dataOption = {
    "--data", true,
    "PATH samples: a folder of pictures, .npy or .npz files, an .npz file, NAME=FILE.npy, or a "
    "folder of ONNX's test data; may be repeated. To quantize or prune, a quarter is held back to "
    "judge by"};
inline constexpr Option labelsOption = {"--labels", true,
                                        "FILE the class of each sample, for top1 and top5"};
inline constexpr Option samplesOption = {"--samples", true, "N use the first N samples"};

} // namespace tenon::cli

#endif
