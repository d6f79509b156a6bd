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
  target_link_libraries(${name} PRIVATE ${ARG_LINK} ${TENON_SANITIZER_OPTIONS})
endfunction()

# tenon_add_unit_test(NAME sources... [LINK libraries...] [SHARDS count]): a GoogleTest program run by
# ctest, part of the target unit-tests. A long one runs as several tests that share its cases.
function(tenon_add_unit_test name)
  cmake_parse_arguments(ARG "" "SHARDS" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE
    ${ARG_LINK} ${TENON_SANITIZER_OPTIONS} GTest::gtest GTest::gtest_main Threads::Threads)
  if(ARG_SHARDS)
    math(EXPR last "${ARG_SHARDS} - 1")
    foreach(shard RANGE ${last})
      add_test(NAME ${name}-${shard} COMMAND ${name})
      set_property(TEST ${name}-${shard} PROPERTY
        ENVIRONMENT GTEST_TOTAL_SHARDS=${ARG_SHARDS} GTEST_SHARD_INDEX=${shard})
    endforeach()
  else()
    add_test(NAME ${name} COMMAND ${name})
  endif()
  add_dependencies(unit-tests ${name})
endfunction()

# tenon_add_fuzzer(NAME harness... INSTRUMENT libraries... [LINK libraries...] [SANITIZE])
# A libFuzzer program. The sources of the libraries named after INSTRUMENT are compiled once more,
# with the coverage that guides the fuzzer; everything else is linked as it is. With SANITIZE these
# sources, which should be few, get the address and undefined-behaviour sanitizers.
function(tenon_add_fuzzer name)
  cmake_parse_arguments(ARG "SANITIZE" "" "INSTRUMENT;LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  if(TENON_PRECOMPILED_HEADERS AND NOT ARG_SANITIZE)
    # The libraries' precompiled header does not fit: it is compiled without the coverage.
    target_precompile_headers(${name} PRIVATE "${PROJECT_SOURCE_DIR}/cmake/Precompiled.h")
  endif()
  foreach(library ${ARG_INSTRUMENT})
    get_target_property(folder ${library} SOURCE_DIR)
    get_target_property(sources ${library} SOURCES)
    list(TRANSFORM sources PREPEND "${folder}/" REGEX "^[^/]")
    target_sources(${name} PRIVATE ${sources})
    target_compile_definitions(${name} PRIVATE $<TARGET_PROPERTY:${library},COMPILE_DEFINITIONS>)
    target_include_directories(${name} PRIVATE $<TARGET_PROPERTY:${library},INCLUDE_DIRECTORIES>)
    get_target_property(links ${library} LINK_LIBRARIES)
    if(links)
      list(REMOVE_ITEM links ${ARG_INSTRUMENT})
      target_link_libraries(${name} PRIVATE ${links})
    endif()
    get_target_property(depends ${library} MANUALLY_ADDED_DEPENDENCIES)
    if(depends)
      add_dependencies(${name} ${depends})
    endif()
  endforeach()
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer-no-link)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  if(ARG_SANITIZE AND NOT TENON_SANITIZE)
    # Generated code and LLVM's libraries have no signatures or type information to check.
    set(flags -fsanitize=address,undefined -fno-sanitize=function,vptr
              -fno-sanitize-recover=undefined)
    target_compile_options(${name} PRIVATE ${flags} -fno-omit-frame-pointer)
    target_link_options(${name} PRIVATE ${flags})
  endif()
endfunction()
