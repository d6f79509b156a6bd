// A model that can be copied without its weights.

#ifndef TENON_LIB_EDITING_LIGHTMODEL_H
#define TENON_LIB_EDITING_LIGHTMODEL_H

#include "lib/Importer/ModelFile.h"

namespace tenon {

/// A model whose large constants lie in a file of their own, as external data of ONNX do: editors
/// copy the message, and all models that are made from it map the same file. It is there as long as
/// this lives, which those models do not outlive.
class LightModel {
public:
  /// The same model where it has external data already.
  static llvm::Expected<LightModel> create(const std::shared_ptr<ModelFile> &model);
  LightModel(LightModel &&) = default;
  LightModel &operator=(LightModel &&) = default;

  const std::shared_ptr<ModelFile> &get() const { return model; }

private:
  /// Removes a folder with what is in it.
  struct Remove {
    void operator()(const std::string *folder) const;
  };
  LightModel(std::shared_ptr<ModelFile> model) : model(std::move(model)) {}

  std::unique_ptr<const std::string, Remove> folder;
  std::shared_ptr<ModelFile> model;
};

} // namespace tenon

#endif
