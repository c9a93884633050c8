# SPDX-License-Identifier: Apache-2.0
# flowstamp_layer(NAME [LAYERS layer...] [LIBRARIES target...])
#
# One layer of the program: every .cpp and .c file of the calling folder, as two static libraries:
#   flowstamp_NAME       as the program links it
#   flowstamp_NAME_san   the same with ASan and UBSan, as the unit tests link it (built on demand)
# LAYERS are the layers it may use, each in the same flavour; LIBRARIES are anything else.
# A layer whose folder holds no source yet is an empty one: the rest still builds.

function(flowstamp_layer name)
    cmake_parse_arguments(arg "" "" "LAYERS;LIBRARIES" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS *.cpp *.c)
    foreach(suffix "" "_san")
        set(target flowstamp_${name}${suffix})
        list(TRANSFORM arg_LAYERS REPLACE "(.+)" "flowstamp_\\1${suffix}" OUTPUT_VARIABLE layers)
        if(sources)
            add_library(${target} STATIC ${sources})
            set(scope PUBLIC)
        else()
            add_library(${target} INTERFACE)
            set(scope INTERFACE)
        endif()
        target_include_directories(${target} ${scope} ${PROJECT_SOURCE_DIR})
        target_link_libraries(${target} ${scope} flowstamp_contract ${layers} ${arg_LIBRARIES})
    endforeach()
    if(sources)
        set_target_properties(flowstamp_${name}_san PROPERTIES
            EXCLUDE_FROM_ALL ON EXPORT_COMPILE_COMMANDS OFF)  # one entry per file suffices clang-tidy
        target_compile_options(flowstamp_${name}_san PRIVATE
            ${FLOWSTAMP_SAN_FLAGS} -O1 -g1)  # -O2 takes twice as long to compile instrumented
    endif()
endfunction()
