/* Stands in for a header of TFLite that its c_api.h includes and the package lacks. The host uses
 * nothing of it. */
