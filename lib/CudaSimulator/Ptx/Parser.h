// Reads PTX text into a Module (PTX ISA 4 and 11, "Syntax" and "Directives").
#ifndef TENON_LIB_CUDASIMULATOR_PTX_PARSER_H
#define TENON_LIB_CUDASIMULATOR_PTX_PARSER_H

#include "lib/CudaSimulator/Ptx/Module.h"
#include <string_view>

namespace tenon::sim {

/// @throws PtxError with the line of what cannot be read.
Module parseModule(std::string_view text);

} // namespace tenon::sim

#endif
