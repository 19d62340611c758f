// formal_dma_read: ql_axi_dma_read asks for each word of a transfer once, in bursts that AXI allows, and sends what comes, in order.
//
// One transfer of any length from any address; a memory that answers after any time, without errors.
`default_nettype none
module formal_dma_read (
    input wire        clk, rst, m_axi_arready, m_axi_rvalid, m_axis_tready,
    input wire [31:0] m_axi_rdata
);
    localparam integer FifoDepth = 4, MaxBurst = 2, LengthW = 8;
    (* anyconst *) reg [31:0] address;
    (* anyconst *) reg [LengthW-1:0] length;
    wire [LengthW-1:0] words = (length + 3) >> 2;
    reg [3:0] clock_q;
    initial clock_q = 0;
    wire started = clock_q != 0;
    always @(posedge clk) if (clock_q != 4'hf) clock_q <= clock_q + 1;
    wire start = clock_q == 1;

    wire        m_axi_arvalid, m_axi_rready, m_axis_tvalid, m_axis_tlast, busy, done, failed;
    wire [31:0] m_axi_araddr, m_axis_tdata;
    wire [ 7:0] m_axi_arlen;
    wire [ 3:0] m_axis_tkeep;
    ql_axi_dma_read #(.MemoryW(32), .LengthW(LengthW), .MaxBurst(MaxBurst), .FifoDepth(FifoDepth)) dut (
        .clk(clk), .rst(rst), .start_i(start), .address_i(address), .length_i(length), .drain_i(1'b0),
        .busy_o(busy), .done_o(done), .failed_o(failed),
        .m_axi_araddr(m_axi_araddr), .m_axi_arlen(m_axi_arlen), .m_axi_arvalid(m_axi_arvalid), .m_axi_arready(m_axi_arready),
        .m_axi_rdata(m_axi_rdata), .m_axi_rresp(2'b00), .m_axi_rlast(1'b0), .m_axi_rvalid(m_axi_rvalid), .m_axi_rready(m_axi_rready),
        .m_axis_tdata(m_axis_tdata), .m_axis_tkeep(m_axis_tkeep), .m_axis_tlast(m_axis_tlast),
        .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );

    // The memory: answers what was asked for and no more.
    reg [7:0] asked_q, came_q, sent_q;
    wire asks = m_axi_arvalid && m_axi_arready;
    always @(posedge clk) begin
        if (rst) begin
            asked_q <= 0;
            came_q <= 0;
            sent_q <= 0;
        end else begin
            if (asks) asked_q <= asked_q + m_axi_arlen + 1;
            if (m_axi_rvalid) came_q <= came_q + 1;
            if (m_axis_tvalid && m_axis_tready) sent_q <= sent_q + 1;
        end
    end
    always @(*) begin
        assume (rst == !started);
        assume (address[1:0] == 0);
        assume (length != 0 && length <= 28);
        if (asked_q == came_q) assume (!m_axi_rvalid);
    end

    reg asked_waits_q;
    reg [31:0] araddr_q;
    reg [7:0] arlen_q;
    reg done_before_q;
    always @(posedge clk) begin
        asked_waits_q <= started && m_axi_arvalid && !m_axi_arready;
        araddr_q <= m_axi_araddr;
        arlen_q <= m_axi_arlen;
        done_before_q <= started && (done_before_q || done);
    end
    always @(*) begin
        if (started && clock_q > 1) begin
            assert (m_axi_rready);
            assert (!failed);
            if (m_axi_arvalid) begin
                assert (m_axi_araddr == address + 4 * asked_q);
                assert (m_axi_arlen < MaxBurst);
                assert (asked_q + m_axi_arlen < words);
                assert (m_axi_araddr[11:0] + 4 * (m_axi_arlen + 1) <= 4096);
            end
            if (asked_waits_q) assert (m_axi_arvalid && m_axi_araddr == araddr_q && m_axi_arlen == arlen_q);
            if (m_axis_tvalid) assert (m_axis_tlast == (sent_q == words - 1));
            if (m_axis_tvalid) assert (sent_q < words);
            if (done) assert (sent_q == words && asked_q == words && came_q == words);
            if (done) assert (!done_before_q);
        end
    end
    formal_watch #(.ElemW(32), .Bound(3)) watch (
        .clk(clk), .rst(rst), .started_i(started),
        .s_axis_tdata(m_axi_rdata), .s_axis_tvalid(m_axi_rvalid), .s_axis_tready(1'b1),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
endmodule
`default_nettype wire
