# SPDX-License-Identifier: Apache-2.0
# flowstamp_report_page(TARGET): the page of `flowstamp report`, assembled of user/output/report/page and
# dygraphs, becomes a part of TARGET: the symbols flowstamp_report_page and flowstamp_report_page_end.

function(flowstamp_report_page target)
    set(folder ${PROJECT_SOURCE_DIR}/user/output/report/page)
    set(page ${CMAKE_CURRENT_BINARY_DIR}/report_page.html)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/report_page.S)
    file(GLOB parts CONFIGURE_DEPENDS ${folder}/*)
    add_custom_command(
        OUTPUT ${page}
        COMMAND ${folder}/assemble ${FLOWSTAMP_DYGRAPHS} ${page}
        DEPENDS ${parts} ${FLOWSTAMP_DYGRAPHS}/dygraph.min.js
        COMMENT "report_page.html"
        VERBATIM)
    # Nothing of the page stands in the object but its bytes. Its path is not among them.
    file(CONFIGURE OUTPUT ${object} @ONLY CONTENT [[
    .section .note.GNU-stack, "", %progbits
    .section .rodata
    .global flowstamp_report_page, flowstamp_report_page_end
flowstamp_report_page:
    .incbin "@page@"
flowstamp_report_page_end:
]])
    set_source_files_properties(${object} PROPERTIES OBJECT_DEPENDS ${page}
        SKIP_PRECOMPILE_HEADERS ON)
    target_sources(${target} PRIVATE ${object})
endfunction()
