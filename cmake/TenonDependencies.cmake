# Everything comes from Debian's packages; scripts/setup installs them.

set(LLVM_DIR "/usr/lib/llvm-22/lib/cmake/llvm" CACHE PATH "Where LLVMConfig.cmake is")
set(MLIR_DIR "/usr/lib/llvm-22/lib/cmake/mlir" CACHE PATH "Where MLIRConfig.cmake is")
set(LLD_DIR "/usr/lib/llvm-22/lib/cmake/lld" CACHE PATH "Where LLDConfig.cmake is")

# LLVM's version files accept only an exact major.minor, so the major is checked here.
find_package(MLIR REQUIRED CONFIG)
find_package(LLD REQUIRED CONFIG)
if(NOT LLVM_VERSION_MAJOR EQUAL 22)
  message(FATAL_ERROR "Tenon needs LLVM 22, but ${LLVM_DIR} is ${LLVM_PACKAGE_VERSION}")
endif()
# ONNX's targets name Protobuf's, so Protobuf comes first.
find_package(Protobuf REQUIRED)
find_package(ONNX REQUIRED)
find_package(Threads REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
# scripts/setup makes .venv; without it, whatever Python is there.
if(NOT Python_EXECUTABLE AND EXISTS "${PROJECT_SOURCE_DIR}/.venv/bin/python")
  set(Python_EXECUTABLE "${PROJECT_SOURCE_DIR}/.venv/bin/python")
endif()
find_package(Python 3.11 REQUIRED COMPONENTS Interpreter OPTIONAL_COMPONENTS Development.Module)

list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)
include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
include_directories("${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}")
add_definitions(${LLVM_DEFINITIONS})
