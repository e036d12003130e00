/**
 * Which files of the distribution's packages make the `wine` image: what console programs load, and the console programs that a Windows
 * system has itself. A DLL that one of these imports must be here too (the builder checks).
 */

export const winePackage = { name: "libwine", version: "8.0~repack-4" };
/** Holds zlib1.dll, which the distribution's user32, dbghelp and cabinet import. */
export const zlibPackage = { name: "libz-mingw-w64", version: undefined };

export const wineFolders = {
  modules: "usr/lib/x86_64-linux-gnu/wine/x86_64-windows",
  nls: "usr/share/wine/nls",
  inf: "usr/share/wine/wine.inf",
  licence: "usr/share/doc/libwine/copyright",
};
export const zlibFiles = {
  module: "usr/x86_64-w64-mingw32/lib/zlib1.dll",
  licence: "usr/share/doc/libz-mingw-w64/copyright",
};

const names = (list: string) => list.trim().split(/\s+/);

export const programs = names(`
  attrib.exe chcp.com cmd.exe conhost.exe expand.exe fc.exe find.exe findstr.exe hostname.exe icacls.exe ipconfig.exe
  net.exe netstat.exe ping.exe reg.exe regini.exe regsvr32.exe robocopy.exe rundll32.exe sc.exe schtasks.exe setx.exe
  start.exe subst.exe systeminfo.exe taskkill.exe tasklist.exe where.exe whoami.exe xcopy.exe
`);

export const modules = [
  // The base of every process.
  ...names("ntdll.dll kernel32.dll kernelbase.dll apisetschema.dll advapi32.dll sechost.dll rpcrt4.dll"),
  // C and C++ runtimes.
  ...names(`
    msvcrt.dll ucrtbase.dll msvcrt20.dll msvcrt40.dll msvcr70.dll msvcr71.dll msvcr80.dll msvcr90.dll msvcr100.dll msvcr110.dll msvcr120.dll
    msvcp60.dll msvcp70.dll msvcp71.dll msvcp80.dll msvcp90.dll msvcp100.dll msvcp110.dll msvcp120.dll msvcp140.dll msvcp140_1.dll
    msvcp140_2.dll msvcp140_atomic_wait.dll msvcp_win.dll vcruntime140.dll vcruntime140_1.dll concrt140.dll
    vcomp100.dll vcomp110.dll vcomp120.dll vcomp140.dll atl100.dll atl110.dll crtdll.dll
  `),
  // Windows and graphics, as far as console programs link against them.
  ...names(`
    user32.dll gdi32.dll win32u.dll imm32.dll usp10.dll uxtheme.dll dwmapi.dll comctl32.dll comdlg32.dll compstui.dll winspool.drv
    winmm.dll msacm32.dll avrt.dll zlib1.dll
  `),
  // The shell and COM.
  ...names(`
    shell32.dll shlwapi.dll shcore.dll shfolder.dll propsys.dll ole32.dll oleaut32.dll combase.dll olepro32.dll mlang.dll
    urlmon.dll xmllite.dll sxs.dll mscoree.dll wintypes.dll
  `),
  // Cryptography and security.
  ...names(`
    bcrypt.dll crypt32.dll cryptsp.dll cryptdll.dll cryptnet.dll rsaenh.dll dssenh.dll ncrypt.dll msasn1.dll wintrust.dll credui.dll
    secur32.dll sspicli.dll schannel.dll authz.dll ntdsapi.dll samlib.dll userenv.dll
  `),
  // The network's user-mode side.
  ...names(`
    ws2_32.dll mswsock.dll wsock32.dll iphlpapi.dll dnsapi.dll nsi.dll dhcpcsvc.dll dhcpcsvc6.dll winhttp.dll wininet.dll jsproxy.dll
    wldap32.dll netapi32.dll netutils.dll srvcli.dll mpr.dll httpapi.dll fwpuclnt.dll websocket.dll normaliz.dll
  `),
  // The system: set-up, debugging, performance data, sessions.
  ...names(`
    setupapi.dll cfgmgr32.dll version.dll psapi.dll dbghelp.dll imagehlp.dll cabinet.dll lz32.dll msi.dll mspatcha.dll odbccp32.dll
    powrprof.dll wtsapi32.dll winsta.dll pdh.dll wevtapi.dll tdh.dll wer.dll faultrep.dll fltlib.dll virtdisk.dll ktmw32.dll
    rstrtmgr.dll apphelp.dll hid.dll resutils.dll sfc.dll sfc_os.dll odbc32.dll
  `),
];
