// What `tenon run`, `bench` and `info` share: a model given as a compiled library or as an ONNX
// file, which is compiled first, and the inputs to run it on.
#ifndef TENON_TOOLS_TENON_MODELOPTIONS_H
#define TENON_TOOLS_TENON_MODELOPTIONS_H

#include "lib/Driver/Driver.h"
#include "lib/Quantize/Prepare.h"
#include "lib/Session/Session.h"
#include "tools/tenon/Arguments.h"
#include "tools/tenon/Devices.h"

namespace tenon::cli {

/// Whether a path names an ONNX file; anything else is taken for a library.
bool isOnnxFile(llvm::StringRef path);

/// "16 of 64 channels of conv1 are dead: 12 unread, 4 constant".
std::string describeDeadChannels(const DeadChannels &dead);

/// --target, --place, --shape, --quant-exact, --keep-dead-channels and --precision, of arguments
/// that may have them. Fills in what they say.
llvm::Error readCompileOptions(const Arguments &arguments, driver::CompileOptions &options);

/// The model in a precision: a name, a file of rules, or a recipe, of whose entries that match
/// nothing it warns.
llvm::Expected<quantize::PreparedModel> prepareModelFor(const std::shared_ptr<ModelFile> &model,
                                                        const std::string &precision);

/// Compiles a model file with these options and, if --precision names a recipe, as that says; warns
/// of its entries that match nothing.
llvm::Expected<driver::CompileReport> compileModel(llvm::StringRef path, const Arguments &arguments,
                                                   driver::CompileOptions options);

/// Loads the one positional argument, compiling it if it is an ONNX file. `report`, if given, gets
/// what the compiler said then.
llvm::Expected<Session> openModel(const Arguments &arguments, const tenon_context_options &options,
                                  driver::CompileReport *report = nullptr);

/// --threads and --pin.
llvm::Expected<tenon_context_options> readContextOptions(const Arguments &arguments);

/// --layout, --scale, --mean, --std and --bgr.
llvm::Expected<ImageOptions> readImageOptions(const Arguments &arguments);

/// One value per input, in the model's order: from --input, else made up if `random`.
llvm::Expected<std::vector<Value>> makeInputs(const Session &session, const Arguments &arguments,
                                              bool random);

inline constexpr Option inputOption = {
    "--input", true,
    "NAME=FILE an input's value: .npy, .npz, .pb (TensorProto; SequenceProto and the like for what "
    "is no tensor), or a picture (.png, .jpg and others); NAME= may be left out "
    "with one input, and with .npz whose arrays have the inputs' names"};
inline constexpr Option shapeOption = {
    "--shape", true,
    "NAME=1x3x224x224 an input's shape, or with one number a named dimension; fixed when an ONNX "
    "model is compiled, else of random inputs; may be repeated"};
inline constexpr Option targetOption = {
    "--target", true, "LIST what an ONNX model is compiled for, as for tenon compile"};
inline constexpr Option placeOption = {
    "--place", true,
    "P what of a model a GPU computes: device (default), all that there is GPU code for, or auto, "
    "what takes less time there, transfers included; the rest is done by the processor that "
    "--target names after a comma or a slash"};
inline constexpr Option precisionOption = {
    "--precision", true,
    "P what f32 numbers are rounded to where they are multiplied: fp32 (default: not at all), "
    "fp32-fast or fp32-split (not at all, but products may be sums of 3 or 6 of bf16, or of 3 of "
    "tf32), tf32, "
    "bf16, f16, or int8 for inputs of products whose weights are quantized in blocks; or a FILE "
    "with a line NODES P for each node or pattern, or a recipe of tenon quantize "
    "(*.precision.json)"};
inline constexpr Option keepDeadChannelsOption = {
    "--keep-dead-channels", false, "compute channels that no result depends on, too"};
inline constexpr Option checkOption = {
    "--check", false, "compare the checksum of the weights, too; that of all else always is"};
inline constexpr Option threadsOption = {"--threads", true, "N threads; default one per core"};

// How images become inputs.
inline constexpr Option layoutOption = {"--layout", true,
                                        "L nchw or nhwc: of image inputs; default from the shape"};
inline constexpr Option scaleOption = {
    "--scale", true,
    "S what image samples of 0 to 255 are multiplied with; default 1/255, for "
    "integer inputs 1"};
inline constexpr Option meanOption = {"--mean", true,
                                      "M,M,M is subtracted from scaled samples, per channel"};
inline constexpr Option stdOption = {"--std", true, "D,D,D divides them then"};
inline constexpr Option bgrOption = {"--bgr", false, "images have blue first"};
inline constexpr Option imageOptions[] = {layoutOption, scaleOption, meanOption, stdOption,
                                          bgrOption};

/// How a model is opened that may have to be compiled first.
inline constexpr Option openOptions[] = {shapeOption, deviceOption,           targetOption,
                                         placeOption, keepDeadChannelsOption, precisionOption};

} // namespace tenon::cli

#endif
