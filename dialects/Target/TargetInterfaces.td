// What a target and a schedule tell passes that know no device.

#ifndef TENON_TARGET_INTERFACES_TD
#define TENON_TARGET_INTERFACES_TD

include "mlir/IR/OpBase.td"

def MmaAttrInterface : AttrInterface<"MmaAttrInterface"> {
  let cppNamespace = "::tenon";
  let description = [{
    A kind of instruction of a target that multiplies elements of two operands and adds the products
    to a sum, as contractions use it. Sums of integers are exact modulo the width of the result, so
    that they are the same on all: an instruction that saturates has no such attribute.
  }];
  let methods = [
    InterfaceMethod<"Whether it multiplies inputs by weights of these element types.", "bool",
      "accepts", (ins "::mlir::Type":$input, "::mlir::Type":$weights)>,
    InterfaceMethod<[{
      How many neighbouring channels one instruction multiplies and adds to each sum. Operands are
      laid out so that these lie next to each other.
    }], "int64_t", "getInterleave", (ins)>
  ];
}

def TargetAttrInterface : AttrInterface<"TargetAttrInterface"> {
  let cppNamespace = "::tenon";
  let description = [{
    A device that programs are compiled for. It stands on the module as `tenon.target`, and is all
    that any pass knows about the device; what its numbers mean only its own schedules and code
    generation know.
  }];
  let methods = [
    InterfaceMethod<"The name, as `--target` takes it.", "::std::string", "getTargetName", (ins)>,
    InterfaceMethod<"What multiplies and adds, the fastest for its types first.",
      "::llvm::SmallVector<::tenon::MmaAttrInterface>", "getMmas", (ins)>,
    InterfaceMethod<[{
      The type in which arithmetic on elements of a type is done: that type itself, a wider one where
      the device has no such arithmetic, or null where it has no code for such elements at all.
    }], "::mlir::Type", "getComputeType", (ins "::mlir::Type":$element)>,
    InterfaceMethod<[{
      The processor that runs the program around the kernels, and kernels for which the device has no
      code: the target itself if it is one. Any other target has memory of its own, which the host
      does not see.
    }], "::mlir::Attribute", "getHost", (ins)>
  ];
}

def ScheduleAttrInterface : AttrInterface<"ScheduleAttrInterface"> {
  let cppNamespace = "::tenon";
  let description = [{
    How a kernel is computed: everything that code generation may choose. Cost models and tuners
    write schedules, code generation only reads them.
  }];
}

#endif
