// The C header that goes with an object of --emit=obj.
#ifndef TENON_LIB_TARGET_HEADER_H
#define TENON_LIB_TARGET_HEADER_H

#include "lib/Target/ModelInfo.h"
#include <string>

namespace tenon {

/// Declares tenon_model_<name>, numbers inputs and outputs by name, and describes the signature.
std::string buildHeader(const ModelInfo &model);

} // namespace tenon

#endif // TENON_LIB_TARGET_HEADER_H
