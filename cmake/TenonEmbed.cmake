# Files as bytes inside a program, C++ as bitcode, and C as programs for other processors.

enable_language(ASM)

# Architectures that models are compiled for: what runs beside a model is in the compiler for each.
set(TENON_ARCHITECTURES x86_64 aarch64)
if(NOT CMAKE_SYSTEM_PROCESSOR IN_LIST TENON_ARCHITECTURES)
  message(FATAL_ERROR "Tenon runs on ${TENON_ARCHITECTURES}, not on ${CMAKE_SYSTEM_PROCESSOR}")
endif()

# tenon_embed(TARGET NAME FILE): TARGET gets the bytes of FILE, between the symbols
# tenon_embedded_<NAME> and tenon_embedded_<NAME>_end.
function(tenon_embed target name file)
  set(source "${CMAKE_CURRENT_BINARY_DIR}/embed_${name}.S")
  set(symbol "tenon_embedded_${name}")
  file(CONFIGURE OUTPUT "${source}" @ONLY CONTENT [[
  .section .rodata.@symbol@,"a",@progbits
  .globl @symbol@
  .hidden @symbol@
  .p2align 6
@symbol@:
  .incbin "@file@"
  .globl @symbol@_end
  .hidden @symbol@_end
@symbol@_end:
  .byte 0
  .section .note.GNU-stack,"",@progbits
]])
  set_source_files_properties("${source}" PROPERTIES OBJECT_DEPENDS "${file}")
  target_sources(${target} PRIVATE "${source}")
endfunction()

# tenon_add_bitcode(OUTPUT_VARIABLE ARCHITECTURE SOURCE...): compiles C++ sources to LLVM bitcode and
# returns the files. The code is simplified but not vectorized, unrolled or bound to a CPU: that is
# left to the compiler that links it into a kernel.
find_program(TENON_CLANG NAMES clang++-${LLVM_VERSION_MAJOR} clang++
  HINTS "${LLVM_TOOLS_BINARY_DIR}" REQUIRED)
function(tenon_add_bitcode output_variable architecture)
  set(outputs)
  foreach(source ${ARGN})
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
    cmake_path(GET source STEM stem)
    set(output "${CMAKE_CURRENT_BINARY_DIR}/${stem}.${architecture}.bc")
    add_custom_command(
      OUTPUT "${output}"
      COMMAND "${TENON_CLANG}" -c -emit-llvm -O2 -std=c++20
              -target ${architecture}-unknown-linux-gnu
              -fno-vectorize -fno-slp-vectorize -fno-unroll-loops -fPIC -fno-exceptions -fno-rtti
              -fno-threadsafe-statics -fno-stack-protector -fno-asynchronous-unwind-tables
              -fno-math-errno -fno-trapping-math -Wall -Wextra -Werror -I "${PROJECT_SOURCE_DIR}"
              -MD -MF "${output}.d" -o "${output}" "${source}"
      DEPENDS "${source}"
      DEPFILE "${output}.d"
      COMMENT "Compiling ${stem} to bitcode for ${architecture}"
      VERBATIM)
    list(APPEND outputs "${output}")
  endforeach()
  set(${output_variable} "${outputs}" PARENT_SCOPE)
endfunction()

# tenon_add_cross_program(OUTPUT ARCHITECTURE SOURCES sources... DEFINITIONS definitions...): compiles
# and links C sources to OUTPUT, a stripped program for another architecture than this machine's. Its
# C library comes from Debian's packages for cross-compilers (libc6-dev-arm64-cross and so on).
find_program(TENON_CLANG_C NAMES clang-${LLVM_VERSION_MAJOR} clang
  HINTS "${LLVM_TOOLS_BINARY_DIR}" REQUIRED)
function(tenon_add_cross_program output architecture)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEFINITIONS" ${ARGN})
  list(TRANSFORM ARG_DEFINITIONS PREPEND -D)
  file(GLOB headers CONFIGURE_DEPENDS
    "${PROJECT_SOURCE_DIR}/runtime/*.h" "${PROJECT_SOURCE_DIR}/runtime/cuda/*.h"
    "${PROJECT_SOURCE_DIR}/include/tenon/*.h" *.h)
  cmake_path(GET output FILENAME name)
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${TENON_CLANG_C}" --target=${architecture}-linux-gnu -std=c11 -O2 -DNDEBUG -fPIE
            -pie -fvisibility=hidden -ffunction-sections -Wall -Wextra -Wno-unused-parameter -Werror
            ${ARG_DEFINITIONS} -I "${PROJECT_SOURCE_DIR}" -I "${PROJECT_SOURCE_DIR}/include"
            -fuse-ld=lld -Wl,--gc-sections -Wl,--as-needed -Wl,--strip-all -o "${output}"
            ${ARG_SOURCES} -lpthread -ldl
    DEPENDS ${ARG_SOURCES} ${headers}
    COMMENT "Compiling ${name} for ${architecture}"
    VERBATIM)
endfunction()
