// Models in a later version of ONNX's operators.

#ifndef TENON_LIB_EDITING_RAISEOPSET_H
#define TENON_LIB_EDITING_RAISEOPSET_H

#include "lib/Editing/ModelEditor.h"
#include "lib/Importer/Importer.h"

namespace tenon {

/// The versions of ONNX's operator set between which models can be raised. ONNX Runtime reads none
/// that is older.
constexpr int64_t oldestOpset = 7, newestRaisedOpset = 13;

/// Spells the nodes of a model of an older version as version 13 does, those of inner graphs too,
/// and imports that; later versions stay as they are. Names of nodes and values stay. An error that
/// names the node where version 13 has nothing that computes the same. Functions of the model have
/// operator sets of their own, and stay.
llvm::Error raiseOpset(ModelEditor &model, const ImportOptions &options = {});

} // namespace tenon

#endif
