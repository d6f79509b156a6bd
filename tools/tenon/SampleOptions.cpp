// Samples that models are run on (see the header).

#include "tools/tenon/SampleOptions.h"
#include "tools/tenon/ModelOptions.h"

namespace tenon::cli {

using namespace tenon::quantize;

llvm::Expected<std::unique_ptr<DataSource>>
openSamples(const Arguments &arguments, const ModelFile &model, const ImportOptions &import) {
  llvm::Expected<std::vector<InputType>> inputs = getInputTypes(model, import);
  if (!inputs)
    return inputs.takeError();
  DataOptions options;
  llvm::Expected<ImageOptions> image = readImageOptions(arguments);
  if (!image)
    return image.takeError();
  options.image = std::move(*image);
  options.labels = arguments.get("--labels");
  llvm::Expected<int64_t> limit = arguments.number("--samples", 0, 1);
  if (!limit)
    return limit.takeError();
  options.limit = *limit;
  return openData(arguments.all("--data"), std::move(*inputs), options);
}

} // namespace tenon::cli
