// Declarations of variables, shared by what stands outside of functions, in their parameter lists
// and in their bodies.
#ifndef TENON_LIB_CUDASIMULATOR_PTX_DECLARATIONPARSER_H
#define TENON_LIB_CUDASIMULATOR_PTX_DECLARATIONPARSER_H

#include "lib/CudaSimulator/Ptx/Lexer.h"
#include "lib/CudaSimulator/Ptx/Module.h"

namespace tenon::sim {

/// No array of a module may be larger than this (bytes).
constexpr uint64_t maxVariableBytes = uint64_t(1) << 32;

/// The space that a token like ".global" names.
std::optional<Space> parseSpace(std::string_view directive);

/// The rest of `.global .align 4 .b8 x[4] = {…}`, after the space: one variable, without what ends
/// the declaration (`;`, `,` or `)`).
Variable parseVariable(Lexer &lexer, Space space);

/// An integer that may have a sign, modulo 2^64.
uint64_t parseInteger(Lexer &lexer);

/// An integer below `limit`. `what` names it in the error.
uint64_t parseCount(Lexer &lexer, uint64_t limit, const char *what);

/// A name that a declaration introduces.
std::string parseDeclaredName(Lexer &lexer);

/// The type that a token like ".b32" names. @throws PtxError if it names none.
Type parseTypeDirective(Lexer &lexer);

} // namespace tenon::sim

#endif
