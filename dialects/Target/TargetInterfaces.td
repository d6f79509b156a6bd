// What a target and a schedule tell passes that know no device.

#ifndef TENON_TARGET_INTERFACES_TD
#define TENON_TARGET_INTERFACES_TD

include "mlir/IR/OpBase.td"

def TargetAttrInterface : AttrInterface<"TargetAttrInterface"> {
  let cppNamespace = "::tenon";
  let description = [{
    A device that programs are compiled for. It stands on the module as `tenon.target`, and is all
    that any pass knows about the device; what its numbers mean only its own schedules and code
    generation know.
  }];
  let methods = [
    InterfaceMethod<"The name, as `--target` takes it.", "::std::string", "getTargetName", (ins)>
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
