// Modules and libraries: PTX is parsed and decoded when it is loaded, so that everything the
// simulator does not know is an error there, with its line in the log of the JIT options.

#include "lib/CudaSimulator/Decode/Decode.h"
#include "lib/CudaSimulator/Driver/Driver.h"
#include "lib/CudaSimulator/Ptx/Lexer.h"
#include "lib/CudaSimulator/Ptx/Parser.h"
#include <algorithm>
#include <cstdio>
#include <cstring>

namespace tenon::sim {

/// The newest PTX that this driver's CUDA version (13.0) takes.
static constexpr uint32_t newestPtx = 90;

namespace {

/// JIT options by their number in CUjit_option.
struct JitOptions {
  char *errorLog = nullptr;
  size_t errorLogBytes = 0;
  char *infoLog = nullptr;
  size_t infoLogBytes = 0;
  void **errorSize = nullptr, **infoSize = nullptr;

  JitOptions(unsigned count, const int *options, void **values) {
    for (unsigned i = 0; i < count; ++i) {
      auto number = reinterpret_cast<uintptr_t>(values[i]);
      if (options[i] == 3)
        infoLog = static_cast<char *>(values[i]);
      else if (options[i] == 4)
        infoLogBytes = static_cast<uint32_t>(number), infoSize = &values[i];
      else if (options[i] == 5)
        errorLog = static_cast<char *>(values[i]);
      else if (options[i] == 6)
        errorLogBytes = static_cast<uint32_t>(number), errorSize = &values[i];
    }
  }

  /// The sizes become what was written.
  void write(const std::string &error) {
    writeLog(errorLog, errorLogBytes, errorSize, error);
    writeLog(infoLog, infoLogBytes, infoSize, "");
  }

  static void writeLog(char *log, size_t room, void **size, const std::string &text) {
    if (!log || room == 0)
      return;
    size_t bytes = std::min(room - 1, text.size());
    std::memcpy(log, text.data(), bytes);
    log[bytes] = '\0';
    if (size)
      *size = reinterpret_cast<void *>(bytes);
  }
};

} // namespace

/// "sm_90a" as 90 and whether it is bound to that architecture.
static bool parseTarget(const std::string &target, unsigned &number, bool &specific) {
  char suffix = 0;
  int fields = std::sscanf(target.c_str(), "sm_%u%c", &number, &suffix);
  specific = fields == 2 && suffix == 'a';
  return fields == 1 || specific;
}

static Result checkTarget(const Driver &driver, const Module &module, std::string &problem) {
  unsigned number = 0, device = driver.options.major * 10 + driver.options.minor;
  bool specific = false;
  if (!parseTarget(module.target, number, specific)) {
    problem = "unknown target '" + module.target + "'";
    return InvalidPtx;
  }
  if (module.version > newestPtx) {
    problem = "PTX of version " + std::to_string(module.version / 10) + "." +
              std::to_string(module.version % 10) + " is newer than " +
              std::to_string(newestPtx / 10) + "." + std::to_string(newestPtx % 10);
    return UnsupportedPtxVersion;
  }
  if (specific ? number != device : number > device) {
    problem = "code for " + module.target + " does not run on sm_" + std::to_string(device);
    return NoBinaryForGpu;
  }
  return Success;
}

/// Writes the initial value of one element.
static void writeInitialiser(const LoadedModule &loaded, const Variable &variable,
                             const Initialiser &value, uint8_t *target) {
  uint64_t bits = value.bits;
  if (!value.symbol.empty()) {
    auto it = loaded.globals.find(value.symbol);
    if (it == loaded.globals.end())
      throw PtxError(variable.line, "unknown name '" + value.symbol + "' in an initialiser");
    bits += it->second;
  }
  // A list of floats of 32 bits may initialise bytes, and so on: the type is the element's.
  std::memcpy(target, &bits, std::min<size_t>(8, bytesOf(variable.type)));
}

static bool isGlobal(const Variable &variable) {
  return variable.space == Space::Global || variable.space == Space::Const;
}

static void placeGlobals(Driver &driver, Context &context, LoadedModule &loaded) {
  for (const Variable &variable : loaded.source.variables) {
    if (!isGlobal(variable))
      continue;
    if (variable.isExternal)
      throw PtxError(variable.line,
                     "the external variable '" + variable.name + "' is not defined in this module");
    uint64_t bytes = std::max<uint64_t>(variable.bytes(), 1);
    const Allocation *allocation = driver.memory->allocate(bytes, Allocation::Kind::Module);
    if (!allocation)
      throw std::bad_alloc();
    context.allocations.insert(allocation->address);
    loaded.globals[variable.name] = allocation->address;
    loaded.sizes[variable.name] = bytes;
    // Variables without initial values are zero.
    std::memset(allocation->data, 0, bytes);
    std::memset(allocation->written, 1, bytes);
  }
  for (const Variable &variable : loaded.source.variables) {
    if (!isGlobal(variable))
      continue;
    uint64_t address = loaded.globals[variable.name];
    uint8_t *data = driver.memory->find(address)->data;
    for (size_t i = 0; i < variable.initialisers.size(); ++i)
      writeInitialiser(loaded, variable, variable.initialisers[i],
                       data + i * bytesOf(variable.type));
    if (variable.space == Space::Const)
      driver.memory->setReadOnly(address);
  }
}

static void freeGlobals(Driver &driver, Context &context, LoadedModule &loaded) {
  for (const auto &[name, address] : loaded.globals) {
    driver.memory->free(address);
    context.allocations.erase(address);
  }
  loaded.globals.clear();
}

static void decodeKernels(LoadedModule &loaded) {
  for (const auto &function : loaded.source.functions) {
    if (!function->isKernel || function->isDeclaration)
      continue;
    auto kernel = std::make_unique<Kernel>();
    kernel->module = &loaded;
    kernel->program = decodeKernel(loaded.source, *function, loaded.globals);
    kernel->maxDynamicSharedBytes =
        std::max(0, (48 << 10) - int(kernel->program->staticSharedBytes));
    loaded.kernels[function->name] = std::move(kernel);
  }
}

/// What an image is, if it is no PTX.
static const char *describeImage(const void *image) {
  uint32_t magic;
  std::memcpy(&magic, image, sizeof magic);
  if (magic == 0x464c457f)
    return "the image is a cubin; the simulator runs PTX only";
  if (magic == 0xba55ed50)
    return "the image is a fatbin; the simulator runs PTX only";
  return nullptr;
}

static Result load(Driver &driver, Context &context, const void *image, JitOptions options,
                   LoadedModule *&result) {
  if (!image)
    return InvalidValue;
  if (const char *problem = describeImage(image)) {
    options.write(problem);
    return refuse(InvalidImage, problem);
  }
  auto loaded = std::make_unique<LoadedModule>();
  std::string problem;
  Result status = Success;
  try {
    loaded->text = static_cast<const char *>(image);
    loaded->source = parseModule(loaded->text);
    status = checkTarget(driver, loaded->source, problem);
    if (status == Success) {
      placeGlobals(driver, context, *loaded);
      decodeKernels(*loaded);
    }
  } catch (const PtxError &error) {
    problem = std::string("ptx ") + error.what();
    status = InvalidPtx;
  }
  if (status != Success) {
    freeGlobals(driver, context, *loaded);
    options.write(problem);
    // Whoever gave no room for a log is told in another way.
    if (!options.errorLog || driver.options.verbose)
      std::fprintf(stderr, "tenon_cuda_sim: a module cannot be loaded: %s\n", problem.c_str());
    return status;
  }
  options.write("");
  for (const auto &[name, kernel] : loaded->kernels)
    driver.add(kernel.get());
  result = driver.own(context, std::move(loaded));
  return Success;
}

static Result unload(Driver &driver, Context &context, void *handle) {
  auto *loaded = driver.find<LoadedModule>(handle);
  if (!loaded || !context.owned.count(handle))
    return InvalidHandle;
  // Kernels of it may be queued.
  Result result = driver.completeAll(context);
  freeGlobals(driver, context, *loaded);
  for (const auto &[name, kernel] : loaded->kernels)
    driver.remove(kernel.get());
  driver.release(context, loaded);
  return result;
}

static Result findKernel(Driver &driver, void *handle, const char *name, void **kernel) {
  auto *loaded = driver.find<LoadedModule>(handle);
  if (!kernel || !name)
    return InvalidValue;
  if (!loaded)
    return InvalidHandle;
  auto it = loaded->kernels.find(name);
  if (it == loaded->kernels.end())
    return NotFound;
  *kernel = it->second.get();
  return Success;
}

static Result findGlobal(Driver &driver, void *handle, const char *name, DevicePointer *address,
                         size_t *bytes) {
  auto *loaded = driver.find<LoadedModule>(handle);
  if (!name)
    return InvalidValue;
  if (!loaded)
    return InvalidHandle;
  auto it = loaded->globals.find(name);
  if (it == loaded->globals.end())
    return NotFound;
  if (address)
    *address = it->second;
  if (bytes)
    *bytes = loaded->sizes[name];
  return Success;
}

} // namespace tenon::sim

using namespace tenon::sim;

TENON_CUDA_SIM_API Result cuModuleLoadDataEx(void **module, const void *image, unsigned count,
                                             int *options, void **values) {
  return enterContext("cuModuleLoadDataEx", [&](Driver &driver, Context &context) {
    if (!module || (count && (!options || !values)))
      return InvalidValue;
    LoadedModule *loaded = nullptr;
    Result result = load(driver, context, image, JitOptions(count, options, values), loaded);
    *module = loaded;
    return result;
  });
}

TENON_CUDA_SIM_API Result cuModuleLoadData(void **module, const void *image) {
  return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr);
}

TENON_CUDA_SIM_API Result cuModuleUnload(void *module) {
  return enterContext("cuModuleUnload", [&](Driver &driver, Context &context) {
    return unload(driver, context, module);
  });
}

TENON_CUDA_SIM_API Result cuModuleGetFunction(void **function, void *module, const char *name) {
  return enterContext("cuModuleGetFunction", [&](Driver &driver, Context &) {
    return findKernel(driver, module, name, function);
  });
}

TENON_CUDA_SIM_API Result cuModuleGetGlobal_v2(DevicePointer *address, size_t *bytes, void *module,
                                               const char *name) {
  return enterContext("cuModuleGetGlobal", [&](Driver &driver, Context &) {
    return findGlobal(driver, module, name, address, bytes);
  });
}

TENON_CUDA_SIM_API Result cuModuleGetLoadingMode(int *mode) {
  return enter("cuModuleGetLoadingMode", [&](Driver &) {
    if (!mode)
      return InvalidValue;
    *mode = 1; // eager
    return Success;
  });
}

// A library is a module that belongs to no context; with one device there is no difference.

TENON_CUDA_SIM_API Result cuLibraryLoadData(void **library, const void *code, int *jitOptions,
                                            void **jitValues, unsigned jitCount, int *, void **,
                                            unsigned) {
  return enterContext("cuLibraryLoadData", [&](Driver &driver, Context &context) {
    if (!library || (jitCount && (!jitOptions || !jitValues)))
      return InvalidValue;
    LoadedModule *loaded = nullptr;
    Result result =
        load(driver, context, code, JitOptions(jitCount, jitOptions, jitValues), loaded);
    *library = loaded;
    return result;
  });
}

TENON_CUDA_SIM_API Result cuLibraryUnload(void *library) {
  return enterContext("cuLibraryUnload", [&](Driver &driver, Context &context) {
    return unload(driver, context, library);
  });
}

TENON_CUDA_SIM_API Result cuLibraryGetKernel(void **kernel, void *library, const char *name) {
  return enterContext("cuLibraryGetKernel", [&](Driver &driver, Context &) {
    return findKernel(driver, library, name, kernel);
  });
}

TENON_CUDA_SIM_API Result cuLibraryGetModule(void **module, void *library) {
  return enterContext("cuLibraryGetModule", [&](Driver &driver, Context &) {
    if (!module)
      return InvalidValue;
    if (!driver.find<LoadedModule>(library))
      return InvalidHandle;
    *module = library;
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuLibraryGetGlobal(DevicePointer *address, size_t *bytes, void *library,
                                             const char *name) {
  return enterContext("cuLibraryGetGlobal", [&](Driver &driver, Context &) {
    return findGlobal(driver, library, name, address, bytes);
  });
}

TENON_CUDA_SIM_API Result cuKernelGetFunction(void **function, void *kernel) {
  return enterContext("cuKernelGetFunction", [&](Driver &driver, Context &) {
    if (!function)
      return InvalidValue;
    if (!driver.find<Kernel>(kernel))
      return InvalidHandle;
    *function = kernel;
    return Success;
  });
}
