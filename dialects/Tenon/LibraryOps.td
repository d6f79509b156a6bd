// What the ops that functions of the kernel library compute have in common.

#ifndef TENON_LIBRARY_OPS_TD
#define TENON_LIBRARY_OPS_TD

include "dialects/Tenon/TenonBase.td"
include "dialects/Tenon/TenonInterfaces.td"

// `methods` are those of LibraryOpInterface that the op defines, beside getLibraryFunction.
class Tenon_LibraryOp<string mnemonic, list<Trait> traits = [], list<string> methods = []>
    : Tenon_Op<mnemonic, !listconcat(traits, [
        Pure, DeclareOpInterfaceMethods<KernelRootOpInterface>,
        DeclareOpInterfaceMethods<LibraryOpInterface, methods>])> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let extraClassDefinition = [{
    ::tenon::KernelClass $cppClass::getKernelClass() { return ::tenon::KernelClass::Library; }
  }];
}

#endif
