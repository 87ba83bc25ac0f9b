/* Replaces a header of TFLite that its c_api.h includes and the package lacks. The host does not
 * need its content. */
