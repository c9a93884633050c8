# SPDX-License-Identifier: Apache-2.0
# Language level, warnings and build type of every target.

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "build type" FORCE)
endif()

set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
set(CMAKE_C_STANDARD 11)
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(FLOWSTAMP_WERROR "warnings are errors, as in CI" OFF)
add_compile_options(-Wall -Wextra -Winvalid-pch)
if(FLOWSTAMP_WERROR)
    add_compile_options(-Werror)
endif()
# clang: libbpf's options are set by a few designators each; libstdc++ 12's std::stable_sort uses what C++20
# deprecates. A time stamp in a precompiled header would keep ccache from finding it again.
add_compile_options("$<$<COMPILE_LANG_AND_ID:CXX,Clang>:SHELL:-Wno-deprecated-declarations -Wno-missing-designated-field-initializers -Xclang -fno-pch-timestamp>")
# A precompiled header makes GCC's heap large at once, and GCC then collects garbage often: less often
# is 10% faster.
add_compile_options("$<$<COMPILE_LANG_AND_ID:CXX,GNU>:SHELL:--param ggc-min-expand=300 --param ggc-min-heapsize=1000000>")
# GCC 13 and 14 falsely report a write past the end when an inlined std::vector grows (GCC bug 109849).
add_compile_options("$<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<VERSION_GREATER_EQUAL:$<CXX_COMPILER_VERSION>,13>>:-Wno-stringop-overflow;-Wno-array-bounds>")
# The object does not depend on the build folder, so that ccache finds it again.
add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.
                    -ffile-prefix-map=${PROJECT_BINARY_DIR}=build)
# Checks the standard library's preconditions; cheap compared with the rest of the program.
add_compile_definitions($<$<COMPILE_LANGUAGE:CXX>:_GLIBCXX_ASSERTIONS>)

option(FLOWSTAMP_SANITIZE "build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
set(FLOWSTAMP_SAN_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)  # false positives of GCC 12 in instrumented code
if(FLOWSTAMP_SANITIZE)
    # Instrumented C++ takes long to optimise; the data path, in C, takes long to run if it is not.
    add_compile_options(${FLOWSTAMP_SAN_FLAGS} -g1 $<IF:$<COMPILE_LANGUAGE:C>,-O1,-O0>)
    add_link_options(${FLOWSTAMP_SAN_FLAGS})
endif()

# Finds a class or enum that two files define differently (the one-definition rule): objects hold their
# types as well, for 3% of a compilation, and linking TARGET_odr compares them.
set(FLOWSTAMP_LTO "" CACHE STRING
    "whose objects can be linked with -Wodr, by TARGET_odr: 'program', or 'all': unit tests, too")
if(FLOWSTAMP_LTO)
    add_compile_options(-flto=auto -ffat-lto-objects)
    # -flto after -fno-lto would do nothing.
    add_link_options($<$<NOT:$<BOOL:$<TARGET_PROPERTY:COMPARES_TYPES>>>:-fno-lto>)
endif()
function(flowstamp_odr_target target)
    if(FLOWSTAMP_LTO)
        add_executable(${target}_odr EXCLUDE_FROM_ALL $<TARGET_OBJECTS:${target}>)
        target_link_libraries(${target}_odr PRIVATE $<TARGET_PROPERTY:${target},LINK_LIBRARIES>)
        set_target_properties(${target}_odr PROPERTIES COMPARES_TYPES ON)
        target_link_options(${target}_odr PRIVATE -fuse-ld=bfd -flto=auto -g0 -Wodr
            -Wlto-type-mismatch -Werror=odr -Werror=lto-type-mismatch)
    endif()
endfunction()

find_program(FLOWSTAMP_CCACHE ccache)
foreach(language C CXX)
    if(FLOWSTAMP_CCACHE AND NOT CMAKE_${language}_COMPILER_LAUNCHER)
        # With a precompiled header ccache must ignore its time stamps. Paths below the source
        # folder count as relative, so that one checkout's objects serve the others.
        set(CMAKE_${language}_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
            CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
            CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=true
            ${FLOWSTAMP_CCACHE})
    endif()
endforeach()

find_program(FLOWSTAMP_MOLD mold)
if(FLOWSTAMP_MOLD)
    add_link_options(-fuse-ld=mold)
endif()
