/* Replaces a header of TFLite that its c_api.h includes and the package lacks. */
typedef struct TfLiteRegistrationExternal TfLiteRegistrationExternal;
