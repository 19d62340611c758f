# What the recorder knows about each IP of the vendor's catalogue that a packaged design uses.
#
#   interface NAME MODE PROTOCOL CLOCK    MODE master, slave or monitor; PROTOCOL aximm, axis or other
#   pin NAME DIRECTION KIND               KIND clock, reset-low, reset-any or data; an input marked optional may stay open
#   parameter NAME CHECK                  CHECK a list of values, {range LOW HIGH}, or any
#   space NAME, segment NAME SPACE...     address spaces of masters and segments of slaves
# %S and %M stand for the slave and master numbers of an interconnect (NUM_SI, NUM_MI).
set catalogue {}

proc ip {name body} {
    global catalogue
    dict set catalogue $name [dict create interfaces {} pins {} parameters {} spaces {} segments {} windows {}]
    set ::current $name
    eval $body
}
proc interface {name mode protocol clock} { dict set ::catalogue $::current interfaces $name [list $mode $protocol $clock] }
proc pin {name direction kind {need required}} { dict set ::catalogue $::current pins $name [list $direction $kind $need] }
proc parameter {name {check any}} { dict set ::catalogue $::current parameters CONFIG.$name $check }
proc space {name port} { dict set ::catalogue $::current spaces $name $port }
proc segment {name port} { dict set ::catalogue $::current segments $name $port }
# Addresses that a master port of a processor reaches.
proc window {port low high} { dict set ::catalogue $::current windows $port [list $low $high] }

set bits_of_streams {8 16 32 64 128 256 512 1024}
set bits_of_memory {32 64 128 256 512 1024}

ip xilinx.com:ip:processing_system7 {
    interface DDR master other {}
    interface FIXED_IO master other {}
    interface M_AXI_GP0 master aximm M_AXI_GP0_ACLK
    interface S_AXI_HP0 slave aximm S_AXI_HP0_ACLK
    pin FCLK_CLK0 out clock
    pin FCLK_RESET0_N out reset-any
    pin M_AXI_GP0_ACLK in clock
    pin S_AXI_HP0_ACLK in clock
    parameter PCW_EN_CLK0_PORT {0 1}
    parameter PCW_EN_RST0_PORT {0 1}
    parameter PCW_FPGA0_PERIPHERAL_FREQMHZ {range 0.1 250}
    parameter PCW_USE_M_AXI_GP0 {0 1}
    parameter PCW_USE_S_AXI_HP0 {0 1}
    parameter PCW_S_AXI_HP0_DATA_WIDTH {32 64}
    space Data M_AXI_GP0
    segment S_AXI_HP0/HP0_DDR_LOWOCM S_AXI_HP0
    window Data 0x40000000 0x7FFFFFFF
}
ip xilinx.com:ip:zynq_ultra_ps_e {
    interface M_AXI_HPM0_FPD master aximm maxihpm0_fpd_aclk
    interface S_AXI_HP0_FPD slave aximm saxihp0_fpd_aclk
    pin pl_clk0 out clock
    pin pl_resetn0 out reset-any
    pin maxihpm0_fpd_aclk in clock
    pin saxihp0_fpd_aclk in clock
    parameter PSU__FPGA_PL0_ENABLE {0 1}
    parameter PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ {range 1 400}
    parameter PSU__USE__M_AXI_GP0 {0 1}
    parameter PSU__USE__M_AXI_GP1 {0 1}
    parameter PSU__USE__M_AXI_GP2 {0 1}
    parameter PSU__USE__S_AXI_GP2 {0 1}
    parameter PSU__SAXIGP2__DATA_WIDTH {32 64 128}
    parameter PSU__USE__IRQ0 {0 1}
    space Data M_AXI_HPM0_FPD
    segment SAXIGP2/HP0_DDR_LOW S_AXI_HP0_FPD
    window Data 0xA0000000 0xAFFFFFFF
}
ip xilinx.com:ip:proc_sys_reset {
    pin slowest_sync_clk in clock
    pin ext_reset_in in reset-any
    pin aux_reset_in in reset-any optional
    pin mb_debug_sys_rst in data optional
    pin dcm_locked in data optional
    pin mb_reset out data
    pin bus_struct_reset out data
    pin peripheral_reset out data
    pin interconnect_aresetn out reset-low
    pin peripheral_aresetn out reset-low
}
ip xilinx.com:ip:axi_dma {
    interface S_AXI_LITE slave aximm s_axi_lite_aclk
    interface M_AXI_MM2S master aximm m_axi_mm2s_aclk
    interface M_AXI_S2MM master aximm m_axi_s2mm_aclk
    interface M_AXIS_MM2S master axis m_axi_mm2s_aclk
    interface S_AXIS_S2MM slave axis m_axi_s2mm_aclk
    pin s_axi_lite_aclk in clock
    pin m_axi_mm2s_aclk in clock
    pin m_axi_s2mm_aclk in clock
    pin axi_resetn in reset-low
    pin mm2s_prmry_reset_out_n out reset-low
    pin s2mm_prmry_reset_out_n out reset-low
    pin mm2s_introut out data
    pin s2mm_introut out data
    parameter c_include_sg 0
    parameter c_sg_include_stscntrl_strm 0
    parameter c_sg_length_width {range 8 26}
    parameter c_include_mm2s 1
    parameter c_include_s2mm 1
    parameter c_include_mm2s_dre {0 1}
    parameter c_include_s2mm_dre {0 1}
    parameter c_m_axi_mm2s_data_width $::bits_of_memory
    parameter c_m_axi_s2mm_data_width $::bits_of_memory
    parameter c_m_axis_mm2s_tdata_width $::bits_of_streams
    parameter c_s_axis_s2mm_tdata_width $::bits_of_streams
    parameter c_mm2s_burst_size {2 4 8 16 32 64 128 256}
    parameter c_s2mm_burst_size {2 4 8 16 32 64 128 256}
    space Data_MM2S M_AXI_MM2S
    space Data_S2MM M_AXI_S2MM
    segment S_AXI_LITE/Reg S_AXI_LITE
}
ip xilinx.com:ip:axi_interconnect {
    interface S%S_AXI slave aximm S%S_ACLK
    interface M%M_AXI master aximm M%M_ACLK
    pin ACLK in clock
    pin ARESETN in reset-low
    pin S%S_ACLK in clock
    pin S%S_ARESETN in reset-low
    pin M%M_ACLK in clock
    pin M%M_ARESETN in reset-low
    parameter NUM_SI {range 1 16}
    parameter NUM_MI {range 1 64}
}
ip xilinx.com:ip:smartconnect {
    interface S%S_AXI slave aximm aclk
    interface M%M_AXI master aximm aclk
    pin aclk in clock
    pin aresetn in reset-low
    parameter NUM_SI {range 1 16}
    parameter NUM_MI {range 1 16}
}
ip xilinx.com:ip:system_ila {
    interface SLOT_0_AXIS monitor axis clk
    interface SLOT_1_AXIS monitor axis clk
    pin clk in clock
    pin resetn in reset-low
    parameter C_MON_TYPE {INTERFACE NATIVE MIX}
    parameter C_NUM_MONITOR_SLOTS {range 1 16}
    parameter C_DATA_DEPTH {1024 2048 4096 8192 16384}
    parameter C_SLOT_0_INTF_TYPE
    parameter C_SLOT_1_INTF_TYPE
}
