# SPDX-License-Identifier: Apache-2.0
# flowstamp_layer(NAME FOLDER folder [EXCEPT folder...] [LAYERS layer...] [LIBRARIES target...])
#
# One layer of the program: the static library flowstamp_NAME of every .cpp and .c file in FOLDER and
# below, except EXCEPT. LAYERS are the layers it may use; LIBRARIES are all other libraries.

function(flowstamp_layer name)
    cmake_parse_arguments(arg "" "FOLDER" "EXCEPT;LAYERS;LIBRARIES" ${ARGN})
    set(folder ${CMAKE_CURRENT_SOURCE_DIR}/${arg_FOLDER})
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*.cpp ${folder}/*.c)
    foreach(except IN LISTS arg_EXCEPT)
        list(FILTER sources EXCLUDE REGEX "^${CMAKE_CURRENT_SOURCE_DIR}/${except}/")
    endforeach()
    list(TRANSFORM arg_LAYERS PREPEND "flowstamp_")
    add_library(flowstamp_${name} STATIC ${sources})
    target_include_directories(flowstamp_${name} PUBLIC ${PROJECT_SOURCE_DIR})
    target_link_libraries(flowstamp_${name} PUBLIC flowstamp_contract ${arg_LAYERS} ${arg_LIBRARIES})
    target_precompile_headers(flowstamp_${name} REUSE_FROM flowstamp_precompiled)
endfunction()
