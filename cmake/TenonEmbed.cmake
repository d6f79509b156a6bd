# Files as bytes inside a program, and C++ as bitcode.

enable_language(ASM)

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

# tenon_add_bitcode(OUTPUT_VARIABLE SOURCE...): compiles C++ sources to LLVM bitcode and returns the
# files. The code is simplified but not vectorized, unrolled or bound to a CPU: that is left to the
# compiler that links it into a kernel.
find_program(TENON_CLANG NAMES clang++-${LLVM_VERSION_MAJOR} clang++
  HINTS "${LLVM_TOOLS_BINARY_DIR}" REQUIRED)
function(tenon_add_bitcode output_variable)
  set(outputs)
  foreach(source ${ARGN})
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
    cmake_path(GET source STEM stem)
    set(output "${CMAKE_CURRENT_BINARY_DIR}/${stem}.bc")
    add_custom_command(
      OUTPUT "${output}"
      COMMAND "${TENON_CLANG}" -c -emit-llvm -O2 -std=c++20 -target x86_64-unknown-linux-gnu
              -fno-vectorize -fno-slp-vectorize -fno-unroll-loops -fPIC -fno-exceptions -fno-rtti
              -fno-threadsafe-statics -fno-stack-protector -fno-asynchronous-unwind-tables
              -fno-math-errno -fno-trapping-math -Wall -Wextra -Werror -I "${PROJECT_SOURCE_DIR}"
              -MD -MF "${output}.d" -o "${output}" "${source}"
      DEPENDS "${source}"
      DEPFILE "${output}.d"
      COMMENT "Compiling ${stem} to bitcode"
      VERBATIM)
    list(APPEND outputs "${output}")
  endforeach()
  set(${output_variable} "${outputs}" PARENT_SCOPE)
endfunction()
