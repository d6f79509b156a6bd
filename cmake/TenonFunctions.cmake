# Thin wrappers, so that each folder's CMakeLists.txt says only what it holds.

# The precompiled MLIR headers, made once and reused by every library of compiler code. The flags
# keep its content equal from build to build, so that ccache hits (see scripts/build).
option(TENON_PRECOMPILED_HEADERS "Precompile MLIR's headers" ON)
if(TENON_PRECOMPILED_HEADERS)
  set(CMAKE_PCH_INSTANTIATE_TEMPLATES ON)
  file(WRITE "${PROJECT_BINARY_DIR}/cmake/Precompiled.cpp" "// Gives tenon_pch a source.\n")
  add_library(tenon_pch OBJECT "${PROJECT_BINARY_DIR}/cmake/Precompiled.cpp")
  target_precompile_headers(tenon_pch PRIVATE "${PROJECT_SOURCE_DIR}/cmake/Precompiled.h")
  add_compile_options("$<$<COMPILE_LANG_AND_ID:CXX,Clang>:SHELL:-Xclang -fno-pch-timestamp>")
endif()

# tenon_add_library(NAME sources... [DEPENDS targets...] [LINK libraries...])
# A static library of compiler code on MLIR, with MLIR's precompiled header.
function(tenon_add_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  if(TENON_PRECOMPILED_HEADERS)
    target_precompile_headers(${name} REUSE_FROM tenon_pch)
  endif()
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
endfunction()

# tenon_add_tool(NAME sources... [LINK libraries...]): an executable in build/bin.
function(tenon_add_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
endfunction()

# tenon_add_unit_test(NAME sources... [LINK libraries...]): a GoogleTest program run by ctest, part
# of the target unit-tests.
function(tenon_add_unit_test name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gtest_main Threads::Threads)
  add_test(NAME ${name} COMMAND ${name})
  add_dependencies(unit-tests ${name})
endfunction()
