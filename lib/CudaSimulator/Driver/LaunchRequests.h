// Launches, checked, as calls and nodes of graphs describe them.
#ifndef TENON_LIB_CUDASIMULATOR_DRIVER_LAUNCHREQUESTS_H
#define TENON_LIB_CUDASIMULATOR_DRIVER_LAUNCHREQUESTS_H

#include "lib/CudaSimulator/Driver/Driver.h"

namespace tenon::sim {

/// Fills `launch` from what the host says, with its own copy of the arguments. The result is what
/// the driver documents for what is wrong.
Result makeLaunch(Driver &driver, Kernel &kernel, const LaunchConfig &config, void **arguments,
                  void **extra, KernelLaunch &launch);

} // namespace tenon::sim

#endif
