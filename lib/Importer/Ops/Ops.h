// The families of operators. Each is one file here; a new one is declared and called below.

#ifndef TENON_LIB_IMPORTER_OPS_OPS_H
#define TENON_LIB_IMPORTER_OPS_OPS_H

namespace tenon {

class OpRegistry;

void registerConstantOps(OpRegistry &registry);
void registerControlFlowOps(OpRegistry &registry);

inline void registerAllOps(OpRegistry &registry) {
  registerConstantOps(registry);
  registerControlFlowOps(registry);
}

} // namespace tenon

#endif
