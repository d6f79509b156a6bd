// What the ops that functions of the kernel library compute have in common.

#ifndef TENON_LIBRARY_OPS_TD
#define TENON_LIBRARY_OPS_TD

include "dialects/Tenon/TenonBase.td"
include "dialects/Tenon/TenonInterfaces.td"

// Such an op binds the symbols of result sizes that depend on data: that is an effect, so that the
// op stays where only a size is used. `methods` are those of LibraryOpInterface that the op defines,
// beside getLibraryFunction.
class Tenon_LibraryOp<string mnemonic, list<Trait> traits = [], list<string> methods = []>
    : Tenon_Op<mnemonic, !listconcat(traits, [
        AlwaysSpeculatable, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
        DeclareOpInterfaceMethods<CostOpInterface>,
        DeclareOpInterfaceMethods<LibraryOpInterface, methods>])> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let extraClassDefinition = [{
    void $cppClass::getEffects(::llvm::SmallVectorImpl<::tenon::EffectInstance> &effects) {
      ::tenon::addLibraryEffects(*this, effects);
    }
  }];
}

#endif
